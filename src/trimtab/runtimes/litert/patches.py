"""What the kernels of a ``.tflite`` file are multiplied with, on calibration rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from trimtab.batch import Batch, rows
from trimtab.runtimes.litert.inside import watched
from trimtab.runtimes.litert.model import LiteRTModel
from trimtab.runtimes.ranges import examples

_Floats = NDArray[np.float32]
_Cut = Callable[[_Floats], _Floats]
_NAME = "model.tflite"
_MOST_VALUES, _LEAST, _MOST = 2**22, 256, 4_096
"""Of the patches of a kernel, and how many of them there are."""

_CONVOLUTIONS = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D)


def patches(content: bytes, kernels: Sequence[int], batch: Batch) -> dict[int, _Floats]:
    """Returns what kernels are multiplied with, ``(n, *shape)`` each, by the place of their tensor.

    A shape is that of one output channel of the kernel: ``(rows, columns, channels)`` of a convolution, where
    a depthwise one has its output channels, ``(inputs,)`` of a dense layer. Others have none.

    Args:
        content: Of a ``.tflite`` file.
        kernels: The places of the tensors, in the main graph.
        batch: Model-ready examples.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    cuts = dict(_cuts(model, set(kernels), rows(batch)))
    path = Path(_NAME)
    runner = LiteRTModel(path, interpreter=watched(path, content))
    found: dict[int, list[_Floats]] = {kernel: [] for kernel in cuts}
    for example in examples(batch):
        runner.feed(example)
        runner.invoke()
        for kernel, (source, cut) in cuts.items():
            if (values := runner.tensor(source)) is not None:
                found[kernel].append(cut(values))
    return {kernel: np.concatenate(parts) for kernel, parts in found.items() if parts}


def _cuts(model: Any, kernels: set[int], count: int) -> Iterator[tuple[int, tuple[int, _Cut]]]:
    """Yields each kernel with the place of what its operator reads, and what cuts that up.

    Args:
        model: The file.
        kernels: Their places.
        count: How many examples there are.
    """
    graph = model.subgraphs[0]
    for operator in graph.operators:
        if len(operator.inputs) < 2 or int(operator.inputs[1]) not in kernels:
            continue
        code, source, kernel = model.operatorCodes[operator.opcodeIndex], *map(int, operator.inputs[:2])
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        shape = tuple(map(int, graph.tensors[kernel].shape))
        if kind == schema.BuiltinOperator.FULLY_CONNECTED:
            yield kernel, (source, _rows(shape[1], _share(shape[1], count)))
        elif kind in _CONVOLUTIONS and shape[3] == int(graph.tensors[source].shape[3]):  # not in groups
            target = tuple(map(int, graph.tensors[int(operator.outputs[0])].shape))
            few = _share(math.prod(shape[1:]), count)
            yield kernel, (source, _windows(operator.builtinOptions, shape[1:3], target[1:3], few))


def _share(values: int, examples: int) -> int:
    """Returns how many patches of so many values are taken of each example."""
    return max(1, min(_MOST, max(_LEAST, _MOST_VALUES // values)) // examples)


def _few(count: int, most: int) -> NDArray[np.intp]:
    return np.sort(np.random.default_rng(0).permutation(count)[:most])


def _rows(width: int, most: int) -> _Cut:
    def cut(values: _Floats) -> _Floats:
        every = values.reshape(-1, width)
        return np.asarray(every[_few(len(every), most)])

    return cut


def _windows(options: Any, kernel: tuple[int, ...], target: tuple[int, ...], most: int) -> _Cut:
    """Returns what cuts some windows out of an image ``(1, height, width, channels)``, as padded."""
    strides = (options.strideH, options.strideW)
    dilations = (options.dilationHFactor, options.dilationWFactor)
    reach = [dilation * (size - 1) + 1 for dilation, size in zip(dilations, kernel, strict=True)]
    is_padded = options.padding == schema.Padding.SAME
    every = np.stack(np.meshgrid(*(np.arange(size) for size in target), indexing="ij"), -1).reshape(-1, 2)
    chosen = every[_few(len(every), most)] * strides
    lines = chosen[:, :1, None] + dilations[0] * np.arange(kernel[0])[None, :, None]
    columns = chosen[:, 1:, None] + dilations[1] * np.arange(kernel[1])[None, None, :]

    def cut(image: _Floats) -> _Floats:
        needed = [
            max((count - 1) * stride + size - have, 0) if is_padded else 0
            for count, stride, size, have in zip(target, strides, reach, image.shape[1:3], strict=True)
        ]
        before = [size // 2 for size in needed]
        ends = [(front, whole - front) for front, whole in zip(before, needed, strict=True)]
        return np.asarray(np.pad(image[0], [*ends, (0, 0)])[lines, columns], np.float32)

    return cut
