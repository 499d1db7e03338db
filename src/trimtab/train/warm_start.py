"""Warm starts: a model begins with the weights of an earlier one of the same architecture."""

from __future__ import annotations

from pathlib import Path

import keras

from trimtab.config.model import Model
from trimtab.errors import ModelError
from trimtab.models import archive
from trimtab.models.functional import derive_constants


def copy_weights(model: keras.Model, file: Path, built: Model | None = None) -> str:
    """Copies the weights of a saved model, if it is built alike.

    Alike means the same kinds of layers in the same order with weights of the same shapes: names differ with
    what was built before in the same process.

    Args:
        model: A built model; left as it is where the other one differs.
        file: A ``.keras`` file.
        built: The ``model`` section that it was made by; see ``archive.load``.

    Returns:
        Why they cannot be taken, in words; empty when they were copied. A file that is damaged, unsafe or of
        another version of Keras is such a reason.
    """
    try:
        source = archive.load(file, built)
    except ModelError as error:
        return f"the earlier model cannot be loaded: {error.message}"
    mine, theirs = _layers(model), _layers(source)
    if len(mine) != len(theirs):
        return f"the model has {len(mine)} layers with weights, the earlier one has {len(theirs)}"
    for layer, before in zip(mine, theirs, strict=True):
        if layer != before:
            return f"the model has {_described(layer)} where the earlier one has {_described(before)}"
    model.set_weights(source.get_weights())
    derive_constants(model)
    return ""


def _layers(model: keras.Model) -> list[tuple[str, tuple[tuple[int, ...], ...]]]:
    """Returns the kind of every layer that has weights, and their shapes."""
    return [
        (type(layer).__name__, tuple(tuple(weight.shape) for weight in layer.weights))
        for layer in model.layers
        if layer.weights
    ]


def _described(layer: tuple[str, tuple[tuple[int, ...], ...]]) -> str:
    kind, shapes = layer
    return f"{kind} with weights of {' and '.join(str(shape) for shape in shapes)}"
