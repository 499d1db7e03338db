"""Attention's masks in a range that 8 bits can hold.

What is masked gets a score of -1e9 or of -2e38, by a choice or by a sum, and the softmax makes zero of it.
In 8 bits such a score takes the whole range: of all others nothing is left, and every position that is not
masked weighs the same. A score that is far enough below the lowest of the others is zero after the softmax as
well, and how far that is the examples say.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from trimtab.batch import Batch
from trimtab.runtimes.litert.calibrated import has_range, outputs
from trimtab.runtimes.litert.signature import packed
from trimtab.runtimes.ranges import Limits

_HUGE = 1e4
"""No score is as large, and no mask is as small: that of 16 bits is -3e4."""
_SOFTMAX_STEPS = 256
_KINDS = schema.BuiltinOperator
_SUMS, _CHOICES = (_KINDS.ADD, _KINDS.SUB), (_KINDS.SELECT, _KINDS.SELECT_V2)
_PRODUCTS = (_KINDS.MUL, _KINDS.MINIMUM, _KINDS.MAXIMUM)
_MOVES = (
    _KINDS.RESHAPE,
    _KINDS.TRANSPOSE,
    _KINDS.EXPAND_DIMS,
    _KINDS.SQUEEZE,
    _KINDS.BROADCAST_TO,
    _KINDS.TILE,
    _KINDS.SLICE,
    _KINDS.STRIDED_SLICE,
)


@dataclass(frozen=True)
class Masked:
    """A model in floats whose masks 8 bits can hold.

    Attributes:
        content: The flatbuffer, with the ranges of its activations.
        ranges: Those that have masks in them, and that no rule may cut, by the tensor's name.
    """

    content: bytes
    ranges: Mapping[str, Limits]


@dataclass(frozen=True)
class _Constant:
    """A mask's constant, as an operator reads it.

    Attributes:
        operator: The operator's place.
        at: Which of its inputs.
        softmax: The place of the softmax that it ends in.
        is_added: Whether scores are added to it, or it stands in the place of one.
    """

    operator: int
    at: int
    softmax: int
    is_added: bool = False


def masked(content: bytes, examples: Batch) -> Masked:
    """Returns a calibrated model with masks as small as they can be.

    Args:
        content: A flatbuffer in floats, with the ranges of its activations.
        examples: Those that it was calibrated on, in the order of the inputs.
    """
    graph = _Graph(content)
    constants = [constant for softmax in graph.softmaxes() for constant in graph.constants(softmax)]
    if not constants:
        return Masked(content, {})
    names = {softmax: graph.scores(softmax) for softmax in {each.softmax for each in constants}}
    ends = {name: _ends(content, {name}, examples)[name] for name in names.values()}
    lowest = {name: low - math.log(_SOFTMAX_STEPS * graph.width(name)) for name, (low, _) in ends.items()}
    for place in {(each.operator, each.at) for each in constants}:
        alike = [each for each in constants if (each.operator, each.at) == place]
        graph.replace(*place, min(_mask(each, ends, lowest, names) for each in alike))
    ranges = _ends(graph.packed(), graph.huge(), examples)
    ranges |= {name: (lowest[name], high) for name, (_, high) in ends.items()}
    graph.set_ranges(ranges)
    return Masked(graph.packed(), ranges)


def _mask(
    constant: _Constant, ends: Mapping[str, Limits], lowest: Mapping[str, float], names: Mapping[int, str]
) -> float:
    """Returns what is small enough: of a sum, also where the highest score is masked."""
    name = names[constant.softmax]
    return lowest[name] - max(ends[name][1], 0.0) if constant.is_added else lowest[name]


def _ends(content: bytes, names: Collection[str], examples: Batch) -> dict[str, Limits]:
    """Returns the smallest and the largest value of tensors, those of masks aside; of none, zeros."""
    found: dict[str, Limits] = {}
    for values in outputs(content, names, examples):
        for name, tensor in values.items():
            seen = tensor[np.abs(tensor) < _HUGE / 2]
            if seen.size:
                low, high = found.get(name, (0.0, 0.0))
                found[name] = min(low, float(seen.min())), max(high, float(seen.max()))
    return {name: found.get(name, (0.0, 0.0)) for name in names}


class _Graph:
    """The main graph of a flatbuffer, whose masks are looked for and replaced."""

    def __init__(self, content: bytes) -> None:
        self._size = len(content)
        self._model = schema.ModelT.InitFromPackedBuf(content, 0)
        self._graph = self._model.subgraphs[0]
        self._makers = {
            int(tensor): place
            for place, operator in enumerate(self._graph.operators)
            for tensor in operator.outputs
        }
        self._tensors = {tensor.name.decode(): tensor for tensor in self._graph.tensors}

    def softmaxes(self) -> list[int]:
        """Returns the places of all softmaxes."""
        return [place for place in range(len(self._graph.operators)) if self._kind(place) == _KINDS.SOFTMAX]

    def scores(self, softmax: int) -> str:
        """Returns the name of what a softmax reads."""
        return str(self._graph.tensors[self._graph.operators[softmax].inputs[0]].name.decode())

    def width(self, name: str) -> int:
        """Returns of how many values the softmax of a tensor is."""
        return int(self._tensors[name].shape[-1])

    def huge(self) -> set[str]:
        """Returns the names of tensors in whose range there is a mask."""
        return {
            name
            for name, tensor in self._tensors.items()
            if has_range(tensor) and max(-tensor.quantization.min[0], tensor.quantization.max[0]) >= _HUGE
        }

    def set_ranges(self, ranges: Mapping[str, Limits]) -> None:
        """Gives tensors other ranges, by name."""
        for name, (low, high) in ranges.items():
            self._tensors[name].quantization.min = [low]
            self._tensors[name].quantization.max = [high]

    def packed(self) -> bytes:
        """Returns it as the content of a file."""
        return packed(self._model, self._size)

    def constants(self, softmax: int) -> Iterator[_Constant]:
        """Yields the constants that are masks in what a softmax reads."""
        start = self._graph.operators[softmax].inputs[0]
        return self._above(int(start), _Constant(softmax, 0, softmax))

    def replace(self, operator: int, at: int, mask: float) -> None:
        """Gives an operator a constant of its own, whose masks are another number."""
        reader = self._graph.operators[operator]
        tensor = copy(self._graph.tensors[reader.inputs[at]])
        values = self._values(tensor)
        values = np.where(np.abs(values) >= _HUGE, np.sign(values) * abs(mask), values).astype(np.float32)
        self._model.buffers.append(schema.BufferT(data=values.view(np.uint8).ravel()))
        tensor.buffer, tensor.name = len(self._model.buffers) - 1, tensor.name + f"_{operator}".encode()
        tensor.quantization = None
        self._graph.tensors.append(tensor)
        reader.inputs = [*reader.inputs[:at], len(self._graph.tensors) - 1, *reader.inputs[at + 1 :]]

    def _above(self, tensor: int, read: _Constant) -> Iterator[_Constant]:
        place = self._makers.get(tensor)
        if place is None:
            if self._is_mask(self._graph.tensors[tensor]):
                yield read
            return
        kind, inputs = self._kind(place), [int(each) for each in self._graph.operators[place].inputs]
        added = replace(read, is_added=read.is_added or kind in _SUMS)
        if kind in _CHOICES:
            inputs = [-1, *inputs[1:]]
        elif kind in _MOVES:
            inputs = inputs[:1]
        elif kind not in (*_SUMS, *_PRODUCTS):
            return
        for at, each in enumerate(inputs):
            if each >= 0:
                yield from self._above(each, replace(added, operator=place, at=at))

    def _is_mask(self, tensor: Any) -> bool:
        values = self._values(tensor)
        return bool(values.size) and bool((np.abs(values) >= _HUGE).any())

    def _values(self, tensor: Any) -> Any:
        data = self._model.buffers[tensor.buffer].data
        if tensor.type != schema.TensorType.FLOAT32 or data is None:
            return np.zeros(0, np.float32)
        return np.asarray(data, np.uint8).view(np.float32)

    def _kind(self, place: int) -> int:
        code = self._model.operatorCodes[self._graph.operators[place].opcodeIndex]
        return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))
