"""Rebuilds a model with some of its layers in parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from trimtab.compress.rank.moments import is_convolution
from trimtab.compress.rank.split import Split
from trimtab.models.functional import derive_constants


def rebuild(model: keras.Model, splits: Mapping[str, Split]) -> keras.Model:
    """Returns a model in which layers are computed by their parts.

    The last part has the layer's name, its activation and its bias.

    Args:
        model: A flat functional model.
        splits: The parts by the layer's name.
    """
    parts = {name: _parts(model.get_layer(name), split) for name, split in splits.items()}

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        if layer.name not in parts:
            return layer(*arguments, **options)
        x, *others = arguments
        for part in parts[layer.name]:
            x = part(x, *others, **options)
        return x

    rebuilt = keras.models.clone_model(model, clone_function=_clone, call_function=call)
    for layer in model.layers:
        if layer.name in parts:
            _set(parts[layer.name], layer, splits[layer.name])
        elif layer.weights:
            rebuilt.get_layer(layer.name).set_weights(layer.get_weights())
    derive_constants(rebuilt)
    return rebuilt


def _clone(layer: Any) -> Any:
    return type(layer).from_config(layer.get_config())


def _parts(layer: Any, split: Split) -> list[Any]:
    """Returns the layers that stand for one, in their order."""
    if isinstance(layer, keras.layers.Embedding):
        return [_like(layer, f"{layer.name}_core", output_dim=split.core.shape[-1]), _mixing(layer)]
    width = "filters" if is_convolution(layer) else "units"
    alone = {"use_bias": False, "activation": None}
    pointwise = _pointwise(layer) if is_convolution(layer) else {}
    made = []
    if split.reduce is not None:
        few = {width: split.reduce.shape[-1]}
        made.append(_like(layer, f"{layer.name}_reduce", **pointwise, **alone, **few))
    if split.expand is None:
        return [*made, _like(layer, layer.name)]
    made.append(_like(layer, f"{layer.name}_core", **alone, **{width: split.core.shape[-1]}))
    return [*made, _like(layer, layer.name, **pointwise, use_bias=True)]


def _like(layer: Any, name: str, **changes: Any) -> Any:
    return type(layer).from_config(layer.get_config() | changes | {"name": name})


def _pointwise(layer: Any) -> dict[str, Any]:
    ones = (1,) * len(layer.kernel_size)
    return {"kernel_size": ones, "strides": ones, "dilation_rate": ones, "padding": "valid"}


def _mixing(layer: Any) -> Any:
    """Returns what mixes an embedding's few columns to all."""
    return keras.layers.Dense(layer.output_dim, use_bias=False, name=layer.name, dtype=layer.dtype_policy)


def _set(parts: list[Any], layer: Any, split: Split) -> None:
    kernels = [kernel for kernel in (split.reduce, split.core, split.expand) if kernel is not None]
    for part, kernel in zip(parts, kernels, strict=True):
        weights = part.weights[0]
        weights.assign(np.asarray(kernel, np.float32).reshape(weights.shape))
    if getattr(parts[-1], "use_bias", False):
        own = np.asarray(layer.bias, np.float64) if getattr(layer, "use_bias", False) else 0.0
        parts[-1].bias.assign(np.asarray(own + split.offset, np.float32))
