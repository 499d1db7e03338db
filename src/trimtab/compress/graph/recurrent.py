"""What layers that go along a sequence do to channels: recurrent ones, and one layer for every step.

The units of a recurrent layer are what it gives, what it reads at the next step, and as many columns of each
gate: all go together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import layers

from trimtab.compress.graph.dependency import Dependencies, Read, Signal, name_of
from trimtab.compress.graph.rules import RULES, Rule, Shape, is_elementwise

_GATES: dict[type, int] = {
    layers.SimpleRNN: 1,
    layers.GRU: 3,
    layers.LSTM: 4,
    layers.ConvLSTM1D: 4,
    layers.ConvLSTM2D: 4,
    layers.ConvLSTM3D: 4,
}


class _Inside:
    """A layer inside another one, seen as that one: it has its name, and says the way to its own config."""

    outside = ("layer", "config")

    def __init__(self, outer: Any) -> None:
        self.name, self.weights, self._layer = outer.name, outer.weights, outer.layer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)


def _recurrent(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    if len(inputs) != 1 or not _is_known(layer):
        return dependencies.opaque(layer, inputs, shape)
    key = "units" if hasattr(layer, "units") else "filters"
    channels = dependencies.make(layer, key, getattr(layer, key))
    _use_cell(layer, layer, inputs[0].channels, channels, dependencies)
    return channels


def _bidirectional(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    """Both directions keep as many units, and so the same ones."""
    directions = (layer.forward_layer, layer.backward_layer)
    units = [getattr(one, "units", 0) for one in directions]
    if len(inputs) != 1 or 0 in units or units[0] != units[1] or not all(map(_is_known, directions)):
        return dependencies.opaque(layer, inputs, shape)
    channels = dependencies.make(layer, ("layer", "config", "units"), units[0])
    dependencies.count(layer, ("backward_layer", "config", "units"), channels)
    for one in directions:
        _use_cell(layer, one, inputs[0].channels, channels, dependencies)
    return np.tile(channels, 2) if layer.merge_mode == "concat" else channels


def _is_known(layer: Any) -> bool:
    """Returns whether every unit of a layer goes its way alone, but for the kernels."""
    return (
        type(layer) in _GATES
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and is_elementwise(layer.cell.activation)
        and is_elementwise(getattr(layer.cell, "recurrent_activation", None))
    )


def _use_cell(
    outer: Any, layer: Any, reads: np.ndarray, channels: np.ndarray, dependencies: Dependencies
) -> None:
    """Notes the weights of a recurrent layer, which may be inside another one."""
    cell, gates = layer.cell, np.tile(channels, _GATES[type(layer)])
    kernel, recurrent = (name_of(outer, weight) for weight in (cell.kernel, cell.recurrent_kernel))
    dependencies.use(outer, kernel, -2, reads, Read(reads))
    dependencies.use(outer, kernel, -1, gates)
    dependencies.use(outer, recurrent, -2, channels)
    dependencies.use(outer, recurrent, -1, gates)
    dependencies.use(outer, name_of(outer, cell.bias), -1, gates)


def _time_distributed(
    layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies
) -> np.ndarray:
    """The layer inside it, at every step."""
    rule = RULES.get(type(layer.layer)) if len(inputs) == 1 and len(shape) > 1 else None
    if rule is None:
        return dependencies.opaque(layer, inputs, shape)
    step = Signal(inputs[0].shape[1:], inputs[0].channels)
    return rule(_Inside(layer), [step], shape[1:], dependencies)


RECURRENT: dict[type, Rule] = {
    **dict.fromkeys(_GATES, _recurrent),
    layers.Bidirectional: _bidirectional,
    layers.TimeDistributed: _time_distributed,
}
