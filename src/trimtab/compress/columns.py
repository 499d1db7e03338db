"""Columns of unlike sizes, which no one scale of 8 bits can hold.

A table's model may take numbers as they are, an income beside a share, and bring them to one size by its
first layer. In 8 bits the input has one scale for all columns: of the small ones nothing is left. What brings
them to one size then stays in floats, and what follows is quantized.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from trimtab.models.keras_graph import calls

_STEPS, _LEAST = 256, 4
"""A column whose deviation is less than so many of all the steps is lost."""


def in_floats(model: keras.Model) -> list[tuple[str, Any]]:
    """Returns the names of layers that bring columns of unlike sizes to one, each with the input it reads.

    Args:
        model: A functional model.
    """
    inputs = {id(tensor) for tensor in model.inputs}
    return [
        (node.operation.name, tensor)
        for node in calls(model)
        if isinstance(node.operation, keras.layers.Normalization) and _are_unlike(node.operation)
        for tensor in node.input_tensors
        if id(tensor) in inputs
    ]


def _are_unlike(layer: keras.layers.Normalization) -> bool:
    mean, deviation = np.asarray(layer.mean), np.sqrt(np.asarray(layer.variance))
    low, high = min(0.0, float((mean - 3 * deviation).min())), max(0.0, float((mean + 3 * deviation).max()))
    deviations = deviation[deviation > 0]
    return bool(deviations.size) and float(deviations.min()) < _LEAST * (high - low) / _STEPS
