"""What passes through the layers that can be split, on training examples: second moments, not the examples.

The ranks that matter are those of what a layer is given and gives on real examples, not those of its kernel:
a direction that no example takes costs nothing (Zhang et al., "Accelerating Very Deep Convolutional Networks
for Classification and Detection", 2016).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from trimtab.batch import in_parts
from trimtab.models.keras_graph import run_through

_BATCH = 32
_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
Values = NDArray[np.float64]


def is_convolution(layer: Any) -> bool:
    """Returns whether a layer is a plain convolution."""
    return type(layer) in _CONVOLUTIONS


def can_be_split(layer: Any) -> bool:
    """Returns whether a layer has a kernel, or a table, of which the rank can be lowered.

    Subclasses are left alone, as what else they compute is not known; so are grouped convolutions.
    """
    if is_convolution(layer):
        return bool(layer.groups == 1 and layer.data_format == "channels_last")
    return type(layer) in (keras.layers.Dense, keras.layers.Embedding)


@dataclass
class Moments:
    """Sums over all positions of all examples.

    Attributes:
        positions: How many positions.
        given: Of the products of what the layer is given, channel by channel, ``(inputs, inputs)``; of an
            Embedding, how often each of its rows was read, on the diagonal's place: ``(rows,)``.
        sums: Of what its kernel gives, ``(outputs,)``.
        squares: Of the products of what its kernel gives, ``(outputs, outputs)``.
    """

    positions: int
    given: Values
    sums: Values
    squares: Values

    def add(self, other: Moments) -> None:
        """Adds the sums over other positions."""
        self.positions += other.positions
        self.given += other.given
        self.sums += other.sums
        self.squares += other.squares


def moments(model: keras.Model, examples: Any) -> dict[str, Moments]:
    """Returns the moments of each layer that can be split, by name.

    Args:
        model: A flat functional model.
        examples: As ``batch.fed`` gives them.
    """
    found: dict[str, Moments] = {}
    linear = {layer.name: _linear(layer) for layer in model.layers if can_be_split(layer)}

    def watched(operation: Any) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if operation.name in linear:
                now = _moments(linear[operation.name], arguments[0])
                if operation.name in found:
                    found[operation.name].add(now)
                else:
                    found[operation.name] = now
            if isinstance(operation, keras.Layer) and "training" in options:
                options["training"] = False
            return operation(*arguments, **options)

        return call

    for batch in in_parts(examples, _BATCH):
        run_through(model, batch, watched)
    return found


def _linear(layer: Any) -> Any:
    """Returns a layer's kernel alone, without its bias and its activation."""
    if isinstance(layer, keras.layers.Embedding):
        return layer
    alone = type(layer).from_config(layer.get_config() | {"use_bias": False, "activation": None})
    alone.build((None, *[None] * (layer.kernel.ndim - 2), layer.kernel.shape[-2]))
    alone.kernel.assign(layer.kernel)
    return alone


def _moments(layer: Any, given: Any) -> Moments:
    if isinstance(layer, keras.layers.Embedding):
        return _of_table(layer, np.asarray(given))
    inputs, outputs = _rows(given), _rows(layer(given))
    return Moments(len(outputs), inputs.T @ inputs, outputs.sum(0), outputs.T @ outputs)


def _of_table(layer: Any, rows_read: np.ndarray) -> Moments:
    table = np.asarray(layer.embeddings, np.float64)
    # A row that no example reads counts as read once: others will read it.
    counts = np.ones(len(table))
    np.add.at(counts, rows_read.ravel(), 1.0)
    return Moments(rows_read.size, counts, counts @ table, table.T @ (counts[:, None] * table))


def _rows(values: Any) -> Values:
    array = np.asarray(values, np.float64)
    return array.reshape(-1, array.shape[-1])
