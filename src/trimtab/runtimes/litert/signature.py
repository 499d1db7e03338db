"""The names of inputs and outputs inside a ``.tflite`` file, by which other tools feed and calibrate it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

KEY = "serving_default"
_ALIGNMENT = 16


class _Builder(flatbuffers.Builder):  # type: ignore[misc]  # untyped
    """A builder that aligns bytes as the schema demands of weights; the generated Python code does not.

    Vectors that are alike are one: each kernel has a zero point of 8 bytes for every output channel, and all
    of as many channels have the same zeros.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._vectors: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802
        """Writes a vector of numbers, or finds it."""
        key = (x.dtype.str, x.tobytes())
        if key not in self._vectors:
            self._vectors[key] = int(super().CreateNumpyVector(x))
        return self._vectors[key]

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:  # noqa: N802, N803
        """Begins a vector, that of a buffer's bytes at a multiple of 16."""
        return int(super().StartVector(elemSize, numElems, _ALIGNMENT if elemSize == 1 else alignment))


def signed(flatbuffer: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """Returns a flatbuffer with a signature; its graph and its weights stay as they are.

    Args:
        flatbuffer: The content of a ``.tflite`` file.
        inputs: The names of its inputs, in order.
        outputs: The names of its outputs, in order.
    """
    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    signature, (graph, *_) = schema.SignatureDefT(signatureKey=KEY, subgraphIndex=0), model.subgraphs
    signature.inputs = [_named(*pair) for pair in zip(inputs, graph.inputs, strict=True)]
    signature.outputs = [_named(*pair) for pair in zip(outputs, graph.outputs, strict=True)]
    model.signatureDefs = [signature]
    return packed(model, len(flatbuffer))


def packed(model: schema.ModelT, size: int) -> bytes:
    """Returns a model as the content of a ``.tflite`` file.

    Args:
        model: What is in the file.
        size: About how many bytes that is.
    """
    builder = _Builder(size + 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _named(name: str, tensor: int) -> schema.TensorMapT:
    return schema.TensorMapT(name=name, tensorIndex=int(tensor))
