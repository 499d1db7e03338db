"""Python functions in a model, replaced by the operations that they compute.

A file of the model then has no Python code, which no loader would run: `Lambda` layers and activation
functions of one's own become operations of ``keras.ops``, as if these had been called in their place.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras

from trimtab.errors import ModelError
from trimtab.models.keras_graph import run_through

_HINT = "Write it with keras.ops, which take symbolic tensors, or as a layer at the top of your module."
_LONGEST_REASON = 300


def inlined(model: keras.Model, source: str) -> keras.Model:
    """Returns a model with the same answers and weights, in which functions are operations.

    Args:
        model: A flat functional model.
        source: Where it comes from, for messages.

    Raises:
        ModelError: If a function does anything else than what ``keras.ops`` can.
    """
    if not any(_has_function(layer) for layer in model.layers):
        return model
    twins: dict[str, keras.Layer] = {}
    tensors = [keras.Input(batch_shape=t.shape, dtype=t.dtype, name=t.name) for t in model.inputs]
    inputs = tensors[0] if len(tensors) == 1 else tensors
    outputs = run_through(model, inputs, lambda layer: _stand_in(layer, twins, source))
    result = keras.Model(inputs, outputs, name=model.name)
    for name, twin in twins.items():
        twin.set_weights(model.get_layer(name).get_weights())
    return result


def _has_function(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.Lambda) or _own_activation(layer) is not None


def _own_activation(layer: Any) -> Callable[..., Any] | None:
    """Returns the activation function of a layer that is applied to its output, and is not Keras' own."""
    activation = getattr(layer, "activation", None)
    inside = isinstance(layer, keras.layers.RNN) or hasattr(layer, "cell")
    is_own = inspect.isfunction(activation) and not activation.__module__.startswith("keras.")
    return activation if is_own and not inside else None


def _stand_in(layer: Any, twins: dict[str, keras.Layer], source: str) -> Callable[..., Any]:
    if isinstance(layer, keras.layers.Lambda):
        return _traced(layer.call, layer.name, source)
    activation = _own_activation(layer)
    if activation is None:
        return layer  # type: ignore[no-any-return]
    traced = _traced(activation, layer.name, source)
    if isinstance(layer, keras.layers.Activation):
        return traced
    if layer.name not in twins:
        twins[layer.name] = type(layer).from_config({**layer.get_config(), "activation": "linear"})
    twin = twins[layer.name]
    return lambda *args, **kwargs: traced(twin(*args, **kwargs))


def _traced(function: Callable[..., Any], layer: str, source: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # a function of anybody's may raise anything
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:_LONGEST_REASON]
            raise ModelError(
                f"its function is none that can be saved: {reason}",
                path=source,
                field=layer,
                hint=_HINT,
            ) from error

    return call
