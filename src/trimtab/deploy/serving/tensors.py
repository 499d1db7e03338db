"""The tensors of the Open Inference Protocol, version 2, and of its binary extension.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol/binary-tensor-data-extension
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from trimtab.batch import OUTPUT, Batch
from trimtab.data.schema import DatasetSchema, TensorSpec
from trimtab.deploy.answers import all_finite
from trimtab.deploy.serving.refusal import Refusal

JSON_LENGTH = "Inference-Header-Content-Length"
JSON_LENGTH_FIELD = JSON_LENGTH.lower().encode()
"""The same as the server has the names of headers."""
_OTHER_COMMAS = 1000  # in names, parameters and what else a request has
_DATATYPES = {"float32": "FP32", "int32": "INT32"}
_TAKEN = {
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
    **{
        f"{sign}INT{8 * size}": f"<{kind}{size}"
        for sign, kind in (("", "i"), ("U", "u"))
        for size in (1, 2, 4, 8)
    },
}
"""The types that numbers may come in, as NumPy names them; the model's own is one of them."""
_MOST_TENSORS = 64
_Parameters = dict[str, Any] | None  # clients write null for what they leave out


class _Message(BaseModel):
    """A part of a request; fields that the protocol does not know belong to extensions and are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")


class InputTensor(_Message):
    """A tensor of a request."""

    name: str
    shape: list[int]
    datatype: str
    parameters: _Parameters = None
    data: Any = None


class WantedOutput(_Message):
    """An output that a request asks for."""

    name: str
    parameters: _Parameters = None


class InferRequest(_Message):
    """A request for inference."""

    id: str | None = None
    parameters: _Parameters = None
    inputs: list[InputTensor] = Field(max_length=_MOST_TENSORS)
    outputs: list[WantedOutput] | None = Field(None, max_length=_MOST_TENSORS)

    @property
    def wants_binary(self) -> bool:
        """Returns whether the output is to be sent as bytes after the JSON."""
        wanted = bool((self.parameters or {}).get("binary_data_output", False))
        for output in self.outputs or ():
            wanted = bool((output.parameters or {}).get("binary_data", wanted))
        return wanted


def parse(
    body: bytes, json_length: bytes | None, most_values: int, outputs: Sequence[str] = (OUTPUT,)
) -> tuple[InferRequest, memoryview]:
    """Returns a request, and the bytes that follow its JSON.

    Args:
        body: The HTTP body.
        json_length: The header that says where the JSON ends, where there is one.
        most_values: Most values that the model may be given. Nobody else is answered while JSON is read,
            which takes seconds where there are millions; so they are counted first, by their commas.
        outputs: The names of the model's outputs.

    Raises:
        Refusal: If it is no request of the protocol.
    """
    end = len(body)
    if json_length is not None:
        # No longer than a number of bytes is: Python refuses to read thousands of digits.
        if not (json_length.isdigit() and len(json_length) < 20 and int(json_length) <= len(body)):
            length = json_length[:20].decode("latin-1")
            raise Refusal(400, f"{JSON_LENGTH}: expected at most {len(body)}, found {length!r}")
        end = int(json_length)
    if body.count(b",", 0, end) > most_values + _OTHER_COMMAS:
        raise Refusal(400, f"inputs: data: expected at most {most_values} values")
    try:
        request = InferRequest.model_validate_json(body[:end])
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Refusal(400, f"{where}: {first['msg']}" if where else first["msg"]) from None
    for output in request.outputs or ():
        if output.name not in outputs:
            expected = " or ".join(map(repr, outputs))
            raise Refusal(400, f"outputs: expected {expected}, found {output.name[:100]!r}")
    return request, memoryview(body)[end:]


def batch_of(request: InferRequest, schema: DatasetSchema, rest: memoryview, most_rows: int) -> Batch:
    """Returns the examples of a request as the model takes them.

    Args:
        request: The request.
        schema: The schema of the model.
        rest: What followed the JSON.
        most_rows: Most examples that are allowed.

    Raises:
        Refusal: If they are not what the model takes.
    """
    specs, names = schema.inputs, [tensor.name for tensor in request.inputs]
    if sorted(names) != sorted(specs):
        shown = ", ".join(repr(name[:100]) for name in names[:5]) or "none"
        raise Refusal(400, f"inputs: expected {', '.join(map(repr, specs))}, found {shown}")
    batch = {}
    for tensor, content in zip(request.inputs, _contents(request.inputs, rest), strict=True):
        batch[tensor.name] = _values(tensor, specs[tensor.name], schema, content, most_rows)
    if len({len(values) for values in batch.values()}) > 1:
        raise Refusal(400, "inputs: shape: expected as many rows in each")
    return batch


def _contents(tensors: list[InputTensor], rest: memoryview) -> list[memoryview]:
    """Returns the bytes of each tensor behind the JSON, in order; of the last, all that is left."""
    contents = []
    for tensor in tensors[:-1]:
        size = (tensor.parameters or {}).get("binary_data_size", 0)
        if tensor.data is not None or type(size) is not int or not 0 <= size <= len(rest):
            size = 0
        contents.append(rest[:size])
        rest = rest[size:]
    return [*contents, rest]


def _values(
    tensor: InputTensor, expected: TensorSpec, schema: DatasetSchema, rest: memoryview, most_rows: int
) -> NDArray[Any]:
    """Returns the values of one tensor as the model takes them, ``(rows, *shape)``."""
    if tensor.datatype not in _TAKEN:
        datatype = _DATATYPES[expected.model_dtype]
        raise Refusal(400, f"inputs: datatype: expected {datatype}, found {tensor.datatype[:20]!r}")
    if not tensor.shape or tuple(tensor.shape[1:]) != expected.shape or tensor.shape[0] < 1:
        wanted, shape = [-1, *expected.shape], tensor.shape[:9]
        raise Refusal(400, f"inputs: shape: expected {wanted} with at least one row, found {shape}")
    if tensor.shape[0] > most_rows:
        raise Refusal(400, f"inputs: shape: expected at most {most_rows} rows, found {tensor.shape[0]}")
    if tensor.data is not None and rest:
        raise Refusal(400, f"inputs: expected data, or bytes after the JSON, found both: {len(rest)} bytes")
    flat = _binary(tensor, rest) if tensor.data is None else _listed(tensor.data)
    if flat.size != (size := math.prod(tensor.shape)):
        raise Refusal(400, f"inputs: data: expected {size} values, found {flat.size}")
    vocabulary_size = expected.vocabulary_size or schema.vocabulary_size
    return _checked(flat, expected, vocabulary_size).reshape(tensor.shape)


def _listed(data: Any) -> NDArray[Any]:
    try:
        values = np.asarray(data)
    except (ValueError, OverflowError):  # ragged, or too deep
        values = np.empty(0, object)
    if values.dtype.kind not in "iuf":
        raise Refusal(400, "inputs: data: expected numbers, flat or nested as the shape says")
    return values


def _binary(tensor: InputTensor, rest: memoryview) -> NDArray[Any]:
    kind = np.dtype(_TAKEN[tensor.datatype])
    size = (tensor.parameters or {}).get("binary_data_size")
    if size is None:
        raise Refusal(400, "inputs: expected data, or the parameter binary_data_size")
    if type(size) is not int or size != len(rest) or size % kind.itemsize:
        raise Refusal(
            400, f"inputs: binary_data_size: expected {len(rest)}, what follows the JSON, in whole values"
        )
    return np.frombuffer(rest, kind)


def _checked(values: NDArray[Any], spec: TensorSpec, vocabulary_size: int | None) -> NDArray[Any]:
    """Returns values in the model's type, if it can take them."""
    if spec.is_tokens:
        largest = (vocabulary_size or 2**31) - 1
        if values.dtype.kind == "f" or values.min() < 0 or values.max() > largest:
            raise Refusal(400, f"inputs: data: expected whole numbers from 0 to {largest}")
        return values.astype(np.int32)
    with np.errstate(over="ignore"):  # what is too large becomes infinite
        floats = values.astype(np.float32)
    if not all_finite(floats):
        raise Refusal(400, "inputs: data: expected finite numbers in the range of FP32")
    return floats


def answer(request: InferRequest, model: str, version: int, outputs: Batch) -> tuple[bytes, dict[str, str]]:
    """Returns the body of an answer and the headers that describe it.

    Args:
        request: The request.
        model: The model's name.
        version: The version that answers.
        outputs: Its outputs by name.
    """
    asked = [output.name for output in request.outputs] if request.outputs else list(outputs)
    told: list[dict[str, Any]] = [
        {"name": name, "datatype": "FP32", "shape": outputs[name].shape} for name in asked
    ]
    message = {"model_name": model, "model_version": str(version), "outputs": told}
    if request.id is not None:
        message["id"] = request.id
    if not request.wants_binary:
        for output in told:
            output["data"] = outputs[output["name"]].ravel().tolist()
        return to_json(message), {"Content-Type": "application/json"}
    contents = [outputs[name].astype("<f4", copy=False).tobytes() for name in asked]
    for output, content in zip(told, contents, strict=True):
        output["parameters"] = {"binary_data_size": len(content)}
    head = to_json(message)
    headers = {"Content-Type": "application/octet-stream", JSON_LENGTH: str(len(head))}
    return b"".join([head, *contents]), headers


def metadata(schema: DatasetSchema, model: str, version: int, platform: str) -> dict[str, Any]:
    """Returns the protocol's metadata of a model."""
    return {
        "name": model,
        "versions": [str(version)],
        "platform": platform,
        "inputs": [
            {"name": name, "datatype": _DATATYPES[spec.model_dtype], "shape": [-1, *spec.shape]}
            for name, spec in schema.inputs.items()
        ],
        "outputs": [
            {"name": name, "datatype": "FP32", "shape": [-1, part.outputs]}
            for name, part in zip(schema.output_names, schema.each_label.values(), strict=True)
        ],
    }
