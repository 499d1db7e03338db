"""Traces channels through a model: the dependency graph.

After Fang et al., "DepGraph: Towards Any Structural Pruning", 2023. Every layer that makes channels (Conv,
Dense, Embedding) numbers them; the numbers travel along the last axis of the tensors; every axis of a weight
that a number reaches becomes a slot. Removing a channel means removing its index from every slot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trimtab.compress.graph.channel_sets import ChannelSets


@dataclass(frozen=True)
class Signal:
    """A tensor on its way: its shape without the batch, and the channel at every index of its last axis."""

    shape: tuple[int | None, ...]
    channels: np.ndarray


@dataclass(frozen=True, eq=False)
class Slot:
    """One axis of one weight, and the channel that each of its indices belongs to."""

    layer: str
    weight: str
    axis: int
    channels: np.ndarray


@dataclass(frozen=True)
class Width:
    """A field of a layer's config that counts channels, such as ``filters``."""

    layer: str
    key: str
    channels: np.ndarray


@dataclass
class Dependencies:
    """Everything that has to change when channels go.

    Attributes:
        sets: Which channels go together, and which must stay.
        slots: By layer, weight and axis.
        widths: By layer: the layers that make channels.
        shapes: By layer: ``target_shape`` of Reshape layers, of which the last dimension counts channels.
    """

    sets: ChannelSets = field(default_factory=ChannelSets)
    slots: dict[tuple[str, str, int], Slot] = field(default_factory=dict)
    widths: dict[str, Width] = field(default_factory=dict)
    shapes: dict[str, tuple[tuple[int, ...], np.ndarray]] = field(default_factory=dict)

    def make(self, layer: Any, key: str, count: int) -> np.ndarray:
        """Returns the channels that a layer makes; the same ones every time the layer is called."""
        if layer.name not in self.widths:
            self.widths[layer.name] = Width(layer.name, key, self.sets.new(count))
        return self.widths[layer.name].channels

    def use(self, layer: Any, weight: str, axis: int, channels: np.ndarray) -> None:
        """Notes that an axis of a weight runs over these channels.

        When a layer is called again, on other channels, both go together. A weight that the layer does not
        have (a bias switched off) is passed over.
        """
        if weight not in {w.name for w in layer.weights}:
            return
        key = (layer.name, weight, axis)
        if key in self.slots:
            self.sets.couple(self.slots[key].channels, channels)
        else:
            self.slots[key] = Slot(layer.name, weight, axis, channels)

    def opaque(self, operation: Any, inputs: list[Signal], shape: tuple[int | None, ...]) -> np.ndarray:
        """Leaves everything around an operation whole, because what it does to channels is not known.

        Returns:
            The channels of its output, which must stay.
        """
        reason = f"{operation.name} ({type(operation).__name__})"
        for signal in inputs:
            self.sets.freeze(signal.channels, reason)
        channels = self.sets.new((shape[-1] or 0) if shape else 0)
        self.sets.freeze(channels, reason)
        return channels
