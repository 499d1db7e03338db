"""ONNX files of others, such as PyTorch's, made to take what trimtab feeds, one example at a time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from trimtab.batch import Batch
from trimtab.config.base import Section
from trimtab.errors import ModelError
from trimtab.runtimes.onnxruntime.quantize import quantized
from trimtab.runtimes.onnxruntime.words import reason
from trimtab.runtimes.ranges import Judge, Rule
from trimtab.runtimes.shapes import BYTES, channels_first, require_one_each

_TAKEN = (TensorProto.FLOAT, TensorProto.INT32)


def adopt(source: Path, path: Path, shape: tuple[int, ...]) -> None:
    """Writes a model that takes one example of the data at a time.

    Open dimensions become those of the data. Where the graph has the channels first, as PyTorch has them, it
    gets a transposition before it, and where it takes other numbers than floats or tokens, a cast.

    Args:
        source: The ``.onnx`` file, which may have weights in files beside it.
        path: The file to write.
        shape: Of one example of the data.

    Raises:
        ModelError: If it cannot be read, or does not take the data.
    """
    model = _read(source)
    inputs = _inputs(model)
    require_one_each(len(inputs), len(model.graph.output), source)
    _take(model.graph, inputs[0], shape, source)
    onnx.save(model, path)


def input_limits(source: Path) -> tuple[float, float] | None:
    """Returns the numbers that a file's 8-bit input stands for; see ``base.Runtime.input_limits``."""
    kinds = [each.type.tensor_type.elem_type for each in _inputs(_read(source))]
    return BYTES if kinds == [TensorProto.UINT8] else None


def _read(source: Path) -> onnx.ModelProto:
    try:
        return onnx.load(source)
    # protobuf and onnx raise what their parsers stumble over.
    except Exception as error:
        raise ModelError(f"no readable ONNX file: {reason(str(error))}", path=str(source)) from error


def _inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Returns what a model takes; older files list their constants among it."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [each for each in model.graph.input if each.name not in constants]


def _take(graph: onnx.GraphProto, entry: onnx.ValueInfoProto, shape: tuple[int, ...], source: Path) -> None:
    """Makes the only input that of the data, in place."""
    tensor = entry.type.tensor_type
    model_shape = tuple(size.dim_value or None for size in tensor.shape.dim)[1:]
    order = channels_first(model_shape, shape, source)
    inner, kind = entry.name, tensor.elem_type
    taken = kind if kind in _TAKEN else TensorProto.FLOAT
    before = []
    if order is not None:
        before.append(("Transpose", {"perm": [0, *(axis + 1 for axis in order)]}))
    if taken != kind:
        before.append(("Cast", {"to": kind}))
    if before:
        _rename_uses(graph, inner, f"{inner}_as_fed")
    names = [inner, *(f"{inner}_{place}" for place in range(1, len(before))), f"{inner}_as_fed"]
    nodes = [
        helper.make_node(operator, [names[place]], [names[place + 1]], **attributes)
        for place, (operator, attributes) in enumerate(before)
    ]
    all_nodes = [*nodes, *graph.node]
    del graph.node[:]
    graph.node.extend(all_nodes)
    entry.CopyFrom(helper.make_tensor_value_info(inner, taken, [1, *shape]))
    del graph.value_info[:]  # what was inferred of open dimensions
    for answer in graph.output:
        dims = answer.type.tensor_type.shape.dim
        if dims:
            dims[0].dim_value = 1


def _rename_uses(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]


def requantize(
    source: Path,
    quantizer: str,
    params: Section,
    path: Path,
    calibration: Callable[[int], Batch],
    judge: Judge | None,
) -> Rule | None:
    """Writes a file that was adopted, quantized; see ``base.Runtime.requantize``."""
    with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
        copied = Path(temporary) / source.name  # the quantizer writes beside what it reads
        shutil.copyfile(source, copied)
        return quantized(copied, quantizer, params, path, calibration, judge, source.name)
