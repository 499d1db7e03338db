"""A model in floats with the ranges of its activations, before it is quantized.

The converter's interface goes from examples to integers in one step, and its ranges are from the smallest to
the largest value. This is the same way in two steps, both its own, and both give the same graph:
``tests/runtimes/litert/test_calibrated.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from trimtab.batch import Batch
from trimtab.runtimes.litert.signature import packed
from trimtab.runtimes.ranges import Limits, drawn, examples


def calibrate_only(converter: Any) -> None:
    """Makes a ``tf.lite.TFLiteConverter`` stop before it quantizes."""
    converter._experimental_calibrate_only = True


def quantize(content: bytes, floats: Collection[str] = ()) -> bytes:
    """Returns a calibrated flatbuffer in 8 bits, with floats where there is no such kernel.

    Args:
        content: The flatbuffer.
        floats: The names of operators, those of their first outputs, that stay in floats.
    """
    from tensorflow.lite.python.convert import mlir_quantize

    return bytes(mlir_quantize(content, denylisted_nodes=set(floats)))


def read_ranges(content: bytes) -> dict[str, Limits]:
    """Returns the smallest and the largest value of each tensor of the main graph, by name."""
    graph = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs[0]
    return {
        tensor.name.decode(): (float(tensor.quantization.min[0]), float(tensor.quantization.max[0]))
        for tensor in graph.tensors
        if has_range(tensor)
    }


def with_ranges(content: bytes, ranges: Mapping[str, Limits]) -> bytes:
    """Returns a calibrated flatbuffer with other ranges.

    Args:
        content: The flatbuffer.
        ranges: By the tensor's name.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for tensor in filter(has_range, model.subgraphs[0].tensors):
        low, high = ranges[tensor.name.decode()]
        tensor.quantization.min, tensor.quantization.max = [low], [high]
    return packed(model, len(content))


def values(content: bytes, names: Mapping[str, Limits], batch: Batch) -> dict[str, NDArray[np.float32]]:
    """Returns some values of tensors of the main graph: see ``ranges.drawn``.

    Args:
        content: A flatbuffer in floats.
        names: Of the tensors.
        batch: Model-ready examples, in the order of the inputs.
    """
    return drawn(outputs(content, names, batch))


def outputs(
    content: bytes, names: Collection[str], batch: Batch
) -> Iterator[Mapping[str, NDArray[np.floating]]]:
    """Yields the values of tensors of the main graph by their names, example by example; see ``values``."""
    # No delegate: what one computes inside is nowhere to be read.
    interpreter = Interpreter(
        model_content=content,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    places = [detail["index"] for detail in interpreter.get_input_details()]
    tensors = {
        detail["name"]: detail["index"]
        for detail in interpreter.get_tensor_details()
        if detail["name"] in names
    }
    for example in examples(batch):
        for place, value in zip(places, example.values(), strict=True):
            interpreter.set_tensor(place, value)
        interpreter.invoke()
        yield {name: interpreter.get_tensor(place) for name, place in tensors.items()}


def has_range(tensor: Any) -> bool:
    """Returns whether a tensor of a calibrated flatbuffer has a range."""
    parameters = tensor.quantization
    return parameters is not None and parameters.min is not None and len(parameters.min) == 1
