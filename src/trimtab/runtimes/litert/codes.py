"""Fewer codes in the 8-bit kernels of a ``.tflite`` file: the same graph and speed, and gzip packs it better.

What a kernel takes after gzip is about its entropy, and a scale for each output channel stretches every
channel over all 255 codes. With one step for the whole kernel, bits go where weights are large, and the
coarser it is the fewer. The form stays: a scale a channel, which are alike now.

Source: Gish and Pierce, Asymptotically Efficient Quantizing, doi:10.1109/TIT.1968.1054193: at the same
entropy, hardly any codes have a smaller squared error than those of one step.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from trimtab.runtimes.litert.rounding import Inputs, rounded
from trimtab.runtimes.litert.signature import packed

_Floats = NDArray[np.floating]

_BIAS = {
    schema.BuiltinOperator.CONV_2D: 2,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: 2,
    schema.BuiltinOperator.FULLY_CONNECTED: 2,
    schema.BuiltinOperator.TRANSPOSE_CONV: 3,
}
"""Where an operator has its bias; its kernel is the second of its inputs."""


@dataclass(frozen=True)
class Kernel:
    """A kernel of 8 bits around 0 that is one operator's alone.

    Attributes:
        place: Of its tensor in the main graph.
        codes: As they are stored.
        scales: What each stands for, in the shape of the codes but for size 1 along other axes.
        bias: The place of the operator's bias; None: it has none.
        is_depthwise: Whether its output channels are the last axis; others' are the first.
    """

    place: int
    codes: NDArray[np.int8]
    scales: NDArray[np.float32]
    bias: int | None
    is_depthwise: bool

    @property
    def weights(self) -> NDArray[np.float32]:
        """Returns what the codes stand for."""
        return self.codes * self.scales


@dataclass(frozen=True)
class Coarse:
    """What a kernel becomes.

    Attributes:
        codes: In the shape of the kernel.
        step: What each stands for.
        shift: What the bias of each output channel grows by, ``(outputs,)`` or ``(1,)``.
    """

    codes: NDArray[np.int8]
    step: np.float32
    shift: _Floats

    @property
    def packed_bytes(self) -> int:
        """Returns about what its codes take in a file after gzip."""
        return packed_bytes(self.codes)


def packed_bytes(codes: NDArray[np.int8]) -> int:
    """Returns about what codes take in a file after gzip."""
    return len(zlib.compress(codes.tobytes(), 9))


def kernels(content: bytes) -> list[Kernel]:
    """Returns the kernels that can have fewer codes, in the order of their operators.

    Args:
        content: Of a ``.tflite`` file.
    """
    return list(_kernels(schema.ModelT.InitFromPackedBuf(content, 0)))


def _kernels(model: Any) -> Iterator[Kernel]:
    graph = model.subgraphs[0]
    uses = Counter(int(index) for operator in graph.operators for index in operator.inputs)
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        if kind not in _BIAS:
            continue
        place, bias = int(operator.inputs[1]), _optional(operator.inputs, _BIAS[kind])
        codes = _codes(model, graph.tensors[place])
        if codes is not None and uses[place] == 1 and (bias is None or uses[bias] == 1):
            scales = _scales(graph.tensors[place], codes.ndim)
            yield Kernel(place, codes, scales, bias, kind == schema.BuiltinOperator.DEPTHWISE_CONV_2D)


def _optional(inputs: Any, at: int) -> int | None:
    return int(inputs[at]) if at < len(inputs) and inputs[at] >= 0 else None


def _codes(model: Any, tensor: Any) -> NDArray[np.int8] | None:
    """Returns the constant that a tensor is, if it has 8 bits around 0."""
    data, quantization = model.buffers[tensor.buffer].data, tensor.quantization
    if tensor.type != schema.TensorType.INT8 or data is None or quantization is None:
        return None
    if quantization.scale is None or np.any(quantization.zeroPoint):
        return None
    codes = np.asarray(data, np.uint8).view(np.int8).reshape(tuple(tensor.shape))
    return codes if codes.any() else None


def _scales(tensor: Any, axes: int) -> NDArray[np.float32]:
    scales, shape = np.asarray(tensor.quantization.scale, np.float32), [1] * axes
    shape[tensor.quantization.quantizedDimension if len(scales) > 1 else 0] = len(scales)
    return scales.reshape(shape)


def inputs_of(kernel: Kernel, patches: _Floats) -> list[Inputs]:
    """Returns what a kernel's output channels are multiplied with: all the same, or each its own.

    Args:
        kernel: The kernel.
        patches: See ``patches.patches``.
    """
    if not kernel.is_depthwise:
        return [Inputs(patches.reshape(len(patches), -1))]
    return [Inputs(patches[..., at].reshape(len(patches), -1)) for at in range(patches.shape[-1])]


def coarse(kernel: Kernel, inputs: Sequence[Inputs] | None, most: int) -> Coarse:
    """Returns a kernel in fewer codes, with one step for all its channels; zeros stay zeros.

    Args:
        kernel: The kernel.
        inputs: What it is multiplied with: rounding keeps what the operator answers to it. None: nobody
            knows, and every weight gets the nearest code.
        most: How many distinct codes there may be: odd, so that 0 is one.
    """
    weights, largest = kernel.weights, most // 2
    step = np.float32(np.abs(weights).max() / largest)
    if inputs is None:
        return Coarse(np.asarray(np.rint(weights / step), np.int8), step, np.zeros(1))
    axis = -1 if kernel.is_depthwise else 0
    channels = np.moveaxis(weights, axis, 0)
    groups = np.split(channels.reshape(len(channels), -1), len(inputs))
    rounds = [rounded(group / step, each, largest) for group, each in zip(groups, inputs, strict=True)]
    shifts = [
        (group - codes * step).astype(np.float64) @ each.mean
        for group, codes, each in zip(groups, rounds, inputs, strict=True)
    ]
    codes = np.moveaxis(np.concatenate(rounds).reshape(channels.shape), 0, axis)
    return Coarse(codes, step, np.concatenate(shifts))


def rewritten(content: bytes, chosen: Mapping[int, Coarse]) -> bytes:
    """Returns a file with fewer codes.

    Args:
        content: Of a ``.tflite`` file.
        chosen: What kernels become, by their places; one that is not there stays as it is.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for kernel in [each for each in _kernels(model) if each.place in chosen]:
        _rewrite(model, kernel, chosen[kernel.place])
    return packed(model, len(content))


def _rewrite(model: Any, kernel: Kernel, now: Coarse) -> None:
    graph = model.subgraphs[0]
    tensor = graph.tensors[kernel.place]
    before = np.asarray(tensor.quantization.scale, np.float32)
    _store(model, tensor, now.codes)
    tensor.quantization.scale = np.full(len(before), now.step, np.float32)
    if kernel.bias is not None:
        _shift(model, graph.tensors[kernel.bias], now.step / before, now.shift)


def _shift(model: Any, bias: Any, growth: NDArray[np.float32], shift: _Floats) -> None:
    """Adds to a bias, whose scale, if it has one, is the kernel's times the input's."""
    values = np.asarray(model.buffers[bias.buffer].data, np.uint8)
    if bias.type == schema.TensorType.FLOAT32:
        _store(model, bias, (values.view(np.float32) + shift).astype(np.float32))
        return
    scales = np.asarray(bias.quantization.scale, np.float32)
    wanted = scales * growth
    numbers = values.view(np.int32) * scales.astype(np.float64) + shift
    _store(model, bias, np.rint(numbers / wanted).astype(np.int32))
    bias.quantization.scale = wanted


def _store(model: Any, tensor: Any, values: NDArray[Any]) -> None:
    """Gives a tensor other values; a buffer that is another's, too, is left to that."""
    owners = sum(each.buffer == tensor.buffer for graph in model.subgraphs for each in graph.tensors)
    if owners > 1:
        model.buffers.append(schema.BufferT())
        tensor.buffer = len(model.buffers) - 1
    model.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
