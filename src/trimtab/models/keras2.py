"""The config of a model that Keras 2 saved, as Keras 3 takes it.

Keras 2 wrote every setting of a layer, also those that Keras 3 has no more. Most of them, at the value that
they nearly always have, change nothing: they are left out. What would change what the model computes is
refused, above all ``hard_sigmoid``, which goes by the same name and is another function now.
"""

from __future__ import annotations

import json
from typing import Any

from trimtab.errors import ModelError
from trimtab.models.keras2_operators import as_keras_3
from trimtab.models.keras2_tensors import has_tensor, is_tensor, tensors

_NO_MEANING = {"implementation", "key_shape", "query_shape", "rng_type", "value_shape"}
"""Settings that never change what a layer computes, and that layers of Keras 3 have no more."""

_NO_EFFECT = {
    "groups": 1,
    "noise_shape": None,
    "renorm": False,
    "score_mode": "dot",
    "softmax_robust_masking": False,
    "time_major": False,
    "virtual_batch_size": None,
}
"""Settings that not every layer of Keras 3 has, with the value that changes nothing."""

_OF_NO_KERNEL = ("kernel_constraint", "kernel_initializer", "kernel_regularizer")
_OF_NO_WEIGHTS = ("CategoryEncoding", "Discretization", "Hashing")
"""Layers of Keras 3 that do not take ``trainable``; so do not those of spatial dropout."""
_MODELS = ("Functional", "Model")
_OPERATORS = ("TFOpLambda", "SlicingOpLambda")
_HINT = "Load it with Keras 2, and build the same model in Keras 3: set model.builder to `module:function`."


def translated(config: bytes, path: str) -> bytes:
    """Returns the JSON config of a model of Keras 2 as Keras 3 takes it.

    Args:
        config: The JSON text; not inspected yet.
        path: The file that it comes from, for messages.

    Raises:
        ModelError: If it is none, or if the model has what would not be the same in Keras 3.
    """
    try:
        parsed = json.loads(config)
        pending: list[Any] = [parsed]
        while pending:
            value = pending.pop()
            if isinstance(value, dict):
                _translate(value, path)
                pending.extend(value.values())
            elif isinstance(value, list):
                if is_tensor(value):
                    value[0] = _renamed(value[0])
                pending.extend(value)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(f"its config is none of Keras 2: {error!r}", path=path) from error
    return json.dumps(parsed).encode()


def _translate(value: dict[str, Any], path: str) -> None:
    """Changes one object of the config, in place."""
    kind, settings = value.get("class_name"), value.get("config")
    if not isinstance(kind, str) or not isinstance(settings, dict):
        return
    if str(value.get("module")).startswith("tf_keras."):
        del value["module"]
        value.pop("registered_name", None)
    layer = str(settings.get("name", kind))
    for named in (value, settings):
        if isinstance(named.get("name"), str):
            named["name"] = _renamed(named["name"])
    if kind in _OPERATORS:
        if (same := as_keras_3(value)) is not None:
            value.clear()
            value.update(same)
            return
        reason = f"Keras 2 keeps the operator {layer} as a function of TensorFlow, which Keras 3 cannot take"
        raise ModelError(reason, path=path, field=layer, hint=_HINT)
    value.pop("build_config", None)  # layers are built by what they are called on
    if "hard_sigmoid" in (settings.get("activation"), settings.get("recurrent_activation")):
        reason = "hard_sigmoid of Keras 2 is another function than that of Keras 3"
        raise ModelError(reason, path=path, field=layer, hint=_HINT)
    dropped = {*_NO_MEANING, *(name for name, value in _NO_EFFECT.items() if settings.get(name) == value)}
    if kind.startswith("Separable"):
        dropped |= {*_OF_NO_KERNEL}
    if kind.startswith("SpatialDropout") or kind in _OF_NO_WEIGHTS:
        dropped.add("trainable")
    for name in dropped & settings.keys():
        del settings[name]
    if kind == "Policy":
        value |= {"class_name": "DTypePolicy", "module": "keras"}
    if kind == "ThresholdedReLU":
        value["class_name"] = "ReLU"
        settings["threshold"] = float(settings.pop("theta"))
    if isinstance(value.get("inbound_nodes"), list):
        value["inbound_nodes"] = [_call(call) for call in value["inbound_nodes"]]
    if kind == "BatchNormalization" and isinstance(settings.get("axis"), list):
        (settings["axis"],) = settings["axis"]
    if kind in _MODELS:
        _renumber_calls(settings)
        for name in ("input_layers", "output_layers"):
            if len(settings[name]) == 1:
                (settings[name],) = settings[name]  # a bare tensor, no list with one in it
    layers = settings.get("layers") or [{}]
    if kind == "Sequential" and layers[0].get("class_name") == "InputLayer":
        for layer in layers[1:]:
            layer["config"].pop("batch_input_shape", None)


def _renamed(layer: str) -> str:
    """Returns the name of a layer, where Keras 3 takes no slashes."""
    return layer.replace("/", "_")


def _call(call: Any) -> Any:
    """Returns a call of a layer; one that takes tensors by name, as attention does, as Keras 3 writes it."""
    first = call[0] if isinstance(call, list) and call else None
    if not isinstance(first, list) or len(first) < 4 or not any(map(has_tensor, first[3].values())):
        return call
    inputs = [tensors(tensor[:3]) for tensor in call]
    named = dict(
        sorted(first[3].items())
    )  # as Keras 2 followed them, which is the order of the file's weights
    return {"args": inputs if len(inputs) == 1 else [inputs], "kwargs": tensors(named)}


def _renumber_calls(model: dict[str, Any]) -> None:
    """Counts the calls of a nested model from 0, in place: for Keras 2 its own making was the first."""
    layers = [layer for layer in model.get("layers", []) if isinstance(layer, dict)]
    nested = {layer.get("name") for layer in layers if layer.get("class_name") in _MODELS}
    pending: list[Any] = [layer.get("inbound_nodes") for layer in layers] + [model.get("output_layers")]
    while pending:
        value = pending.pop()
        if is_tensor(value) and value[0] in nested:
            value[1] -= 1
        if isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, dict):
            pending.extend(value.values())
