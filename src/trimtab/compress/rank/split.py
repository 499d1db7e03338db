"""A layer in thin parts: what each computes, how many ranks it has, and what that costs.

A convolution's kernel becomes at most three: one that mixes its input channels to fewer, the kernel itself
on those, and one that mixes few outputs to all (Tucker-2: Kim et al., "Compression of Deep Convolutional
Neural Networks for Fast and Low Power Mobile Applications", 2016). Of a dense layer and of an embedding two
parts are left.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from trimtab.compress.rank.moments import Moments, Values, is_convolution

STEP = 4
"""Ranks are multiples of it: kernels of runtimes compute several channels at once, so fewer gain nothing."""

MOST = 0.75
"""Share of its cost that a layer may keep: two operators for one gain nothing by less."""


@dataclass(frozen=True)
class Split:
    """The parts of a layer.

    Attributes:
        reduce: Mixes the inputs to fewer, ``(inputs, rank)``; None: they stay.
        core: The kernel between, or an embedding's table.
        expand: Mixes few outputs to all, ``(rank, outputs)``; None: the core gives all.
        offset: What is added to the layer's own bias, ``(outputs,)``: the mean of what the ranks leave out.
        lost: Share of the energy that the ranks leave out, an estimate.
        cost: Multiply-accumulates at each position of the output; of an embedding, its parameters.
        whole_cost: The same of the layer as it is.
    """

    reduce: Values | None
    core: Values
    expand: Values | None
    offset: Values
    lost: float
    cost: int
    whole_cost: int


class Spectrum:
    """How much each direction of some values carries.

    Args:
        second: Their second moments, ``(channels, channels)``.
    """

    def __init__(self, second: Values) -> None:
        energies, directions = np.linalg.eigh(second)
        self._directions = directions[:, ::-1]
        energies = np.clip(energies[::-1], 0, None)
        total = energies.sum()
        self._lost = 1 - np.cumsum(energies) / total if total else np.zeros_like(energies)

    def rank(self, most_lost: float) -> int:
        """Returns the fewest directions, a multiple of ``STEP``, that leave out at most that share."""
        least = int(np.argmax(self._lost <= most_lost + 1e-12)) + 1
        return min(len(self._lost), math.ceil(least / STEP) * STEP)

    def lost(self, rank: int) -> float:
        """Returns the share that so many directions leave out."""
        return max(0.0, float(self._lost[rank - 1]))

    def directions(self, rank: int) -> Values:
        """Returns the directions that carry the most, ``(channels, rank)``."""
        found: Values = self._directions[:, :rank]
        return found


class Layer:
    """A layer that can be split.

    Args:
        layer: A convolution, a dense layer or an embedding.
        moments: What passes through it.
    """

    def __init__(self, layer: Any, moments: Moments) -> None:
        self._is_table = isinstance(layer, keras.layers.Embedding)
        self._kernel = np.asarray(layer.embeddings if self._is_table else layer.kernel, np.float64)
        self._strides = math.prod(layer.strides) if is_convolution(layer) else 1
        self._mean = np.zeros_like(moments.sums) if self._is_table else moments.sums / moments.positions
        self._outputs = Spectrum(moments.squares - moments.positions * np.outer(self._mean, self._mean))
        self._inputs = Spectrum(moments.given) if self._kernel.ndim > 2 and self._has_window else None

    @property
    def _has_window(self) -> bool:
        return math.prod(self._kernel.shape[:-2]) > 1

    def split(self, most_lost: float) -> Split | None:
        """Returns the cheapest parts that leave out at most a share of the energy; None: the layer whole."""
        splits = [split for split in self._splits(most_lost) if split.cost <= MOST * split.whole_cost]
        return min(splits, key=lambda split: split.cost, default=None)

    def _splits(self, most_lost: float) -> Iterator[Split]:
        yield self._parts(None, self._outputs.rank(most_lost))
        if self._inputs is not None:
            yield self._parts(self._inputs.rank(most_lost), None)
            yield self._parts(self._inputs.rank(most_lost / 2), self._outputs.rank(most_lost / 2))

    def _parts(self, inputs: int | None, outputs: int | None) -> Split:
        """Returns the parts of so many ranks; None: of all, on that side."""
        core, lost, offset = self._kernel, 0.0, np.zeros_like(self._mean)
        reduce = expand = None
        if inputs is not None and self._inputs is not None:
            reduce, lost = self._inputs.directions(inputs), self._inputs.lost(inputs)
            core = np.einsum("...io,ir->...ro", core, reduce)
        if outputs is not None:
            expand, lost = self._outputs.directions(outputs).T, lost + self._outputs.lost(outputs)
            core, offset = core @ expand.T, self._mean - self._mean @ expand.T @ expand
        return Split(reduce, core, expand, offset, lost, self._cost(reduce, core, expand), self._kernel.size)

    def _cost(self, reduce: Values | None, core: Values, expand: Values | None) -> int:
        before = reduce.size * self._strides if reduce is not None else 0
        return before + core.size + (expand.size if expand is not None else 0)
