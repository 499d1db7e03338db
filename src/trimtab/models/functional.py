"""Every model as one flat functional model: no nesting, and one call per layer where there was one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from trimtab.errors import ModelError
from trimtab.models.keras_graph import Functional, innermost_layers, run_through
from trimtab.models.tensors import output_names

_GRAPHS = (Functional, keras.Sequential)
"""Models whose layers are known; a subclassed one inside is one layer."""
_WHOLE = ("float32", "int32", "int64", "uint8", "bool", "string")


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
    if not isinstance(model, _GRAPHS) or not model.built:
        raise ModelError(
            "expected a functional or a built sequential Keras 3 model",
            field=source,
            hint="Make it by keras.Model(inputs, outputs), or begin the Sequential with keras.Input(shape).",
        )
    if any(isinstance(layer, _GRAPHS) for layer in model.layers):
        return copy(flattened(model, source))
    if isinstance(model, keras.Sequential) or not _takes_tensors(model):
        return keras.Model(_alone(model.inputs), _alone(model.outputs), name=model.name)
    return model


def in_order(model: keras.Model, names: Sequence[str], answers: Sequence[str] = ()) -> keras.Model:
    """Returns a model whose inputs are in an order, that of the batches, as are its outputs.

    Calibration goes by the first, losses by the second.

    Args:
        model: A flat functional model.
        names: Of its inputs, all of them, if it has several.
        answers: Of its outputs, all of them, if it has several.
    """
    inputs = {tensor.name: tensor for tensor in model.inputs}
    outputs = dict(zip(output_names(model), model.outputs, strict=True))
    given = list(names) if len(inputs) > 1 else list(inputs)
    asked = list(answers) if len(outputs) > 1 else list(outputs)
    if (list(inputs), list(outputs)) == (given, asked):
        return model
    tensors = _alone([inputs[name] for name in given]), _alone([outputs[name] for name in asked])
    return keras.Model(*tensors, name=model.name)


def copy(model: keras.Model, inputs: Any = None) -> keras.Model:
    """Returns a model of new layers with the same weights.

    Args:
        model: A functional model.
        inputs: A Keras input to build the copy on, such as one with a static shape; None: like the model's.
    """
    clone = keras.models.clone_model(model, input_tensors=inputs)
    clone.set_weights(model.get_weights())
    derive_constants(clone)
    return clone


def in_float32(model: keras.Model) -> keras.Model:
    """Returns a model whose layers compute in float32, whatever precision they were made with.

    Weights of mixed precision are float32 already. What runs a model on CPUs has no kernels of 16 bits, and
    ``train.mixed_precision`` trains by them for as long as it trains.

    Args:
        model: A functional model.
    """
    if all(layer.dtype_policy.name in _WHOLE for layer in innermost_layers(model)):
        return model
    clone = keras.models.clone_model(model, clone_function=_float32_layer)
    clone.set_weights([np.asarray(weights, np.float32) for weights in model.get_weights()])
    derive_constants(clone)
    return clone


def _float32_layer(layer: keras.Layer) -> keras.Layer:
    return type(layer).from_config(_float32_config(layer.get_config()))


def _float32_config(config: Any) -> Any:
    """Returns a layer's config with every float type in it float32, those of layers inside it too."""
    if isinstance(config, list):
        return [_float32_config(value) for value in config]
    if not isinstance(config, dict):
        return config
    changed = {key: _float32_config(value) for key, value in config.items()}
    if "dtype" in config and "float" in str(config["dtype"]):
        changed["dtype"] = "float32"
    return changed


def derive_constants(model: keras.Model) -> None:
    """Lets layers compute anew what they hold beside their weights, as Normalization its mean and deviation.

    They do so when they are built and when they are loaded, but not when weights are set: they would go on
    with those that they were built with.

    Args:
        model: A built model whose weights were set.
    """
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def flattened(model: keras.Model, source: str) -> keras.Model:
    """Returns a model that shares the layers of the given one and of the models inside it."""
    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype, name=t.name) for t in model.inputs]
    try:
        return keras.Model(_alone(inputs), _alone(_call(model, inputs)), name=model.name)
    except ValueError as error:
        raise ModelError(f"its nested models cannot be flattened: {error}", field=source) from error


def _call(model: keras.Model, inputs: list[Any]) -> list[Any]:
    """Calls the layers of a model, and those of the models inside it, on other inputs."""

    def inner(operation: Any) -> Any:
        if not isinstance(operation, _GRAPHS):
            return operation
        nested = as_functional(operation, operation.name)
        return lambda *args, **_: _alone(_call(nested, keras.tree.flatten(args)))

    # Run on the model's own list of tensors: its inputs may be given as a list or a dict.
    return list(keras.tree.flatten(run_through(_graph(model), _alone(inputs), inner)))


def _graph(model: keras.Model) -> keras.Model:
    """Returns the functional model that takes and returns bare tensors."""
    return keras.Model(_alone(model.inputs), _alone(model.outputs))


def _takes_tensors(model: keras.Model) -> bool:
    """Returns whether the model takes and returns a bare tensor, not a list or dict with one in it."""
    return isinstance(model.input, keras.KerasTensor) and isinstance(model.output, keras.KerasTensor)


def _alone(tensors: list[Any]) -> Any:
    """Returns the only tensor of a list, or the list when there are more."""
    return tensors[0] if len(tensors) == 1 else tensors
