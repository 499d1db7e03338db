"""Every model as one flat functional model: no nesting, and one call per layer where there was one."""

from __future__ import annotations

from typing import Any

import keras
from keras.src.models.functional import Functional

from trimtab.errors import ModelError


def as_functional(model: keras.Model, source: str) -> keras.Model:
    """Returns a model with the same layers and weights, flat and functional.

    Nested models are replaced by their layers: pruning, clustering and quantization-aware training look at
    single layers.

    Args:
        model: A functional or sequential model, possibly with models inside.
        source: Where it comes from, for messages.

    Returns:
        The model itself when it is flat already, else a new one with copies of the weights.

    Raises:
        ModelError: If the model is a subclassed one, was never built, or holds two layers of one name.
    """
    if not isinstance(model, Functional | keras.Sequential) or not model.built:
        raise ModelError(
            "expected a functional or a built sequential Keras 3 model",
            field=source,
            hint="Make it by keras.Model(inputs, outputs), or begin the Sequential with keras.Input(shape).",
        )
    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    if not any(isinstance(layer, keras.Model) for layer in model.layers):
        return model
    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype, name=t.name) for t in model.inputs]
    try:
        flat = keras.Model(inputs, _call(model, inputs), name=model.name)
    except ValueError as error:
        raise ModelError(f"its nested models cannot be flattened: {error}", field=source) from error
    return copy(flat)


def copy(model: keras.Model, inputs: Any = None) -> keras.Model:
    """Returns a model of new layers with the same weights.

    Args:
        model: A functional model.
        inputs: A Keras input to build the copy on, such as one with a static shape; None: like the model's.
    """
    clone = keras.models.clone_model(model, input_tensors=inputs)
    clone.set_weights(model.get_weights())
    return clone


def _call(model: keras.Model, inputs: list[Any]) -> Any:
    """Calls the layers of a model, and those of the models inside it, on other inputs."""

    def inner(operation: Any) -> Any:
        if not isinstance(operation, keras.Model):
            return operation
        nested = as_functional(operation, operation.name)
        return lambda *args, **kwargs: _call(nested, keras.tree.flatten(args))  # noqa: ARG005

    outputs = model._run_through_graph(inputs, operation_fn=inner)
    flat = keras.tree.flatten(outputs)
    return flat[0] if len(flat) == 1 else flat
