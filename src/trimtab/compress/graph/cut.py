"""Rebuilds a model without some of its channels."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import keras
import numpy as np

from trimtab.compress.graph.dependency import Dependencies, Path, Slot, named_weights
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
    slots: dict[tuple[str, str], list[Slot]] = defaultdict(list)
    for slot in dependencies.slots.values():
        slots[slot.layer, slot.weight].append(slot)
    for layer in (layer for layer in model.layers if layer.weights):
        narrowed = named_weights(narrow.get_layer(layer.name))
        for name, old in named_weights(layer).items():
            new, array = narrowed[name], _sliced(np.asarray(old.numpy()), slots[layer.name, name], keep)
            if array.shape != tuple(new.shape):
                raise CompressionError(
                    f"its {old.name} of shape {tuple(new.shape)} cannot be cut from {array.shape}",
                    field=layer.name,
                )
            new.assign(array)
    derive_constants(narrow)
    return narrow


def _narrowed(layer: Any, dependencies: Dependencies, keep: np.ndarray) -> Any:
    config = _unbuilt(layer.get_config())
    for width in (*dependencies.widths.values(), *dependencies.counts):
        if width.layer == layer.name:
            config = _with(config, width.path, int(keep[width.channels].sum()))
    if layer.name in dependencies.shapes:
        shape, channels = dependencies.shapes[layer.name]
        config["target_shape"] = (*shape[:-1], int(keep[channels].sum()))
    return type(layer).from_config(config)


def _unbuilt(config: Any) -> Any:
    """Returns a config in which the layers inside a layer name no shapes that they were built for."""
    if isinstance(config, dict):
        return {key: _unbuilt(value) for key, value in config.items() if key != "build_config"}
    return [_unbuilt(value) for value in config] if isinstance(config, list) else config


def _with(config: Any, path: Path, count: int) -> Any:
    """Returns a config with another count at the end of a path."""
    if not path:
        return count
    changed: Any = dict(config) if isinstance(config, dict) else list(config)
    changed[path[0]] = _with(config[path[0]], path[1:], count)
    return changed


def _sliced(array: np.ndarray, slots: list[Slot], keep: np.ndarray) -> np.ndarray:
    for slot in slots:
        array = np.compress(keep[slot.channels], array, axis=slot.axis)
    return array
