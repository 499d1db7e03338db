"""Rebuilds a model without some of its channels."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from trimtab.compress.graph.dependency import Dependencies
from trimtab.errors import CompressionError
from trimtab.models.functional import derive_constants


def cut(model: keras.Model, dependencies: Dependencies, keep: np.ndarray) -> keras.Model:
    """Returns a narrower model with the weights of the channels that stay.

    Its outputs equal those of the given model with the removed channels set to zero wherever they are read.

    Args:
        model: The flat functional model that was traced.
        dependencies: Its dependencies.
        keep: For every channel, whether it stays, ``(channels,)`` of bool; the same within a set.

    Raises:
        CompressionError: If a layer has a weight that does not follow its width.
    """
    narrow = keras.models.clone_model(
        model, clone_function=lambda layer: _narrowed(layer, dependencies, keep)
    )
    for layer in (layer for layer in model.layers if layer.weights):
        for old, new in zip(layer.weights, narrow.get_layer(layer.name).weights, strict=True):
            array = _sliced(layer.name, old, dependencies, keep)
            if array.shape != tuple(new.shape):
                raise CompressionError(
                    f"its {old.name} of shape {tuple(new.shape)} cannot be cut from {array.shape}",
                    field=layer.name,
                )
            new.assign(array)
    derive_constants(narrow)
    return narrow


def _narrowed(layer: Any, dependencies: Dependencies, keep: np.ndarray) -> Any:
    config = layer.get_config()
    if layer.name in dependencies.widths:
        width = dependencies.widths[layer.name]
        config[width.key] = int(keep[width.channels].sum())
    if layer.name in dependencies.shapes:
        shape, channels = dependencies.shapes[layer.name]
        config["target_shape"] = (*shape[:-1], int(keep[channels].sum()))
    return type(layer).from_config(config)


def _sliced(layer: str, weight: Any, dependencies: Dependencies, keep: np.ndarray) -> np.ndarray:
    array = np.asarray(weight.numpy())
    for axis in (-2, -1, 0, 1):
        slot = dependencies.slots.get((layer, weight.name, axis))
        if slot is not None:
            array = np.compress(keep[slot.channels], array, axis=axis)
    return array
