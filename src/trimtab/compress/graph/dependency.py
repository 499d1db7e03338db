"""Traces channels through a model: the dependency graph.

After Fang et al., "DepGraph: Towards Any Structural Pruning", 2023. Every layer that makes channels (Conv,
Dense, Embedding, LSTM) numbers them; the numbers travel along the last axis of the tensors; every axis of a
weight that a number reaches becomes a slot. Removing a channel means removing its index from every slot.
Channels may also be inside a layer alone, as the heads of an attention are.
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
class Read:
    """The tensor that a kernel mixes the channels of.

    Attributes:
        channels: At every index of its axis of channels.
        axis: That axis, from the end.
        inside: The name of the layer inside the layer that it reaches; empty: the layer itself.
    """

    channels: np.ndarray
    axis: int = -1
    inside: str = ""


@dataclass(frozen=True, eq=False)
class Slot:
    """One axis of one weight, and the channel that each of its indices belongs to.

    ``weight`` is its name in ``named_weights``; ``read`` is None where the axis makes its channels.
    """

    layer: str
    weight: str
    axis: int
    channels: np.ndarray
    read: Read | None = None


@dataclass(frozen=True, eq=False)
class Width:
    """A field of a layer's config that counts channels: ``("filters",)``, or one of a layer inside it."""

    layer: str
    path: Path
    channels: np.ndarray

    def of(self, config: Any) -> int:
        """Returns the count in a layer's config."""
        for key in self.path:
            config = config[key]
        return int(config)


Path = tuple[str | int, ...]
"""Keys, and places in a list, from a layer's config to what is in it."""


def named_weights(layer: Any) -> dict[str, Any]:
    """Returns a layer's weights by their names; of those of one name, all but the first are numbered."""
    found: dict[str, Any] = {}
    for weight in layer.weights:
        name, number = weight.name, 1
        while name in found:
            number += 1
            name = f"{weight.name}:{number}"
        found[name] = weight
    return found


def name_of(layer: Any, weight: Any) -> str:
    """Returns the name of one of a layer's weights in ``named_weights``; empty if it is none of them."""
    return next((name for name, found in named_weights(layer).items() if found is weight), "")


@dataclass
class Dependencies:
    """Everything that has to change when channels go.

    Attributes:
        sets: Which channels go together, and which must stay.
        slots: By layer, weight and axis.
        widths: By layer, and what in it if not its output: the counts of channels that layers make.
        counts: The counts of channels that others made, or that count twice in a config.
        shapes: By layer: ``target_shape`` of Reshape layers, of which the last dimension counts channels.
    """

    sets: ChannelSets = field(default_factory=ChannelSets)
    slots: dict[tuple[str, str, int], Slot] = field(default_factory=dict)
    widths: dict[str, Width] = field(default_factory=dict)
    counts: list[Width] = field(default_factory=list)
    shapes: dict[str, tuple[tuple[int, ...], np.ndarray]] = field(default_factory=dict)

    def make(self, layer: Any, key: str | Path, count: int, part: str = "") -> np.ndarray:
        """Returns the channels that a layer makes; the same ones every time the layer is called.

        Args:
            layer: The layer.
            key: Where its config counts them.
            count: How many they are.
            part: What of the layer they are, if they do not leave it.
        """
        name = f"{layer.name} {part}" if part else layer.name
        if name not in self.widths:
            path = (key,) if isinstance(key, str) else key
            self.widths[name] = Width(layer.name, (*_outside(layer), *path), self.sets.new(count))
        return self.widths[name].channels

    def count(self, layer: Any, key: str | Path, channels: np.ndarray) -> None:
        """Notes that a field of a layer's config counts channels that are made elsewhere."""
        path = (key,) if isinstance(key, str) else key
        self.counts.append(Width(layer.name, (*_outside(layer), *path), channels))

    def use(self, layer: Any, weight: str, axis: int, channels: np.ndarray, read: Read | None = None) -> None:
        """Notes that an axis of a weight runs over these channels.

        When a layer is called again, on other channels, both go together. A weight that the layer does not
        have (a bias switched off) is passed over.
        """
        if weight not in named_weights(layer):
            return
        key = (layer.name, weight, axis)
        if key in self.slots:
            self.sets.couple(self.slots[key].channels, channels)
        else:
            self.slots[key] = Slot(layer.name, weight, axis, channels, read)

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


def _outside(layer: Any) -> Path:
    """Returns the way to a layer's config from that of the layer around it, if rules see it as that one."""
    path: Path = getattr(layer, "outside", ())
    return path
