"""Models without a graph (classes of one's own, an open Sequential), called once on symbolic inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import keras

from trimtab.errors import ModelError
from trimtab.models.keras_graph import Functional
from trimtab.models.spec import ModelSpec

_LONGEST_REASON = 600
_EMPHASIS = re.compile(r"\x1b\[\d*m")
"""What Keras puts around messages for terminals."""


def on_symbols(model: keras.Model, spec: ModelSpec, source: str) -> keras.Model:
    """Returns a functional model that calls one without a graph; any other model as it is.

    The model is a single layer of it then, which ``opened`` replaces by the layers inside.

    Args:
        model: What a builder returned. The ``call`` of a subclassed one takes the only input, or a dict of
            the inputs by name, and returns the only output, or a dict of the outputs by name.
        spec: What the data looks like.
        source: Where the model comes from, for messages.

    Raises:
        ModelError: If it cannot be called so.
    """
    if isinstance(model, Functional) or (isinstance(model, keras.Sequential) and model.built):
        return model
    inputs = {
        name: keras.Input(each.shape, dtype=each.dtype, name=name) for name, each in spec.inputs.items()
    }
    tensors = list(inputs.values())
    try:
        answered = model(inputs if len(inputs) > 1 else tensors[0])
        return keras.Model(tensors[0] if len(tensors) == 1 else tensors, _named(answered), name=model.name)
    except Exception as error:  # the user's method may raise anything
        reason = " ".join(_EMPHASIS.sub("", str(error)).split())[:_LONGEST_REASON] or type(error).__name__
        raise ModelError(
            f"the class {type(model).__name__} cannot be called on symbolic inputs: {reason}",
            path=source,
            hint="Its call takes the only input, or a dict of data.inputs by name; write it with keras.ops.",
        ) from error


def _named(answered: Any) -> Any:
    """Returns the outputs as those of layers of their names, where the model gives several by name."""
    if not isinstance(answered, Mapping):
        return answered
    if len(answered) == 1:
        return next(iter(answered.values()))
    return [keras.layers.Identity(name=name)(tensor) for name, tensor in answered.items()]
