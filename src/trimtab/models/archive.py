"""Saved models: ``.keras`` and ``.h5`` files, loaded by Keras 3 with ``safe_mode`` on."""

from __future__ import annotations

from pathlib import Path

import keras

from trimtab.errors import ModelError
from trimtab.models.contract import check
from trimtab.models.functional import as_functional, copy
from trimtab.models.spec import ModelSpec


def load(path: str | Path) -> keras.Model:
    """Loads a saved model without running anything that the file brings.

    Args:
        path: A ``.keras`` or ``.h5`` file.

    Returns:
        The flat, uncompiled functional model.

    Raises:
        ModelError: If the file is missing, damaged, unsafe, or no model that can be used.
    """
    model = keras.saving.load_model(Path(path), compile=False, safe_mode=True)
    return as_functional(model, str(path))


def fit_to(model: keras.Model, spec: ModelSpec, source: str) -> keras.Model:
    """Returns the model for this data: open dimensions of its input become those of the data.

    Args:
        model: A loaded model.
        spec: What the data looks like.
        source: The file it was loaded from, for messages.

    Raises:
        ModelError: If the model does not take this data, or does not answer as the task needs.
    """
    check(model, spec, source)
    if tuple(model.inputs[0].shape[1:]) == spec.input_shape:
        return model
    return copy(model, keras.Input(spec.input_shape, dtype=spec.input_dtype, name=model.inputs[0].name))
