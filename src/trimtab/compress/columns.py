"""Columns of unlike sizes, which no one scale of 8 bits can hold.

A table's model may take numbers as they are, an income beside a share, and bring them to one size by its
first layer. In 8 bits the input has one scale for all columns: of the small ones nothing is left. What brings
them to one size then stays in floats, and what follows is quantized.
"""

from __future__ import annotations

import keras
import numpy as np

_STEPS, _LEAST = 256, 4
"""A column whose deviation is less than so many of all the steps is lost."""


def in_floats(model: keras.Model) -> list[str]:
    """Returns the names of the layers that bring columns of unlike sizes to one.

    Args:
        model: A functional model.
    """
    inputs = {id(tensor) for tensor in model.inputs}
    return [
        layer.name
        for layer in model.layers
        if isinstance(layer, keras.layers.Normalization) and id(layer.input) in inputs and _are_unlike(layer)
    ]


def _are_unlike(layer: keras.layers.Normalization) -> bool:
    mean, deviation = np.asarray(layer.mean), np.sqrt(np.asarray(layer.variance))
    low, high = min(0.0, float((mean - 3 * deviation).min())), max(0.0, float((mean + 3 * deviation).max()))
    deviations = deviation[deviation > 0]
    return bool(deviations.size) and float(deviations.min()) < _LEAST * (high - low) / _STEPS
