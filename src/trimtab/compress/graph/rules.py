# ruff: noqa: ARG001 - every rule has the same signature
"""What each kind of layer does to channels: one rule a kind.

A rule gets the layer, its input signals, its output shape without the batch, and the dependencies to add to;
it returns the channels of its output. A kind of layer that is not listed is opaque: everything around it
stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from trimtab.compress.graph.dependency import Dependencies, Path, Read, Signal

Shape = tuple[int | None, ...]
Rule = Callable[[Any, list[Signal], Shape, Dependencies], np.ndarray]

ELEMENTWISE = [
    "linear",
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "sigmoid",
    "hard_sigmoid",
    "log_sigmoid",
    "tanh",
    "hard_tanh",
    "softplus",
    "softsign",
    "silu",
    "hard_silu",
    "mish",
    "exponential",
]


def frozen_input(
    operation: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies
) -> np.ndarray:
    """The model's input: its channels come from the data."""
    channels = dependencies.sets.new(shape[-1] or 0)
    dependencies.sets.freeze(channels, "the model's input")
    return channels


def _same(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    """Every channel by itself: pooling, padding, dropout, activations."""
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        return dependencies.opaque(layer, inputs, shape)
    return inputs[0].channels


def _activation(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    return (
        inputs[0].channels if is_elementwise(layer.activation) else dependencies.opaque(layer, inputs, shape)
    )


def _rescaling(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    scalar = np.ndim(layer.scale) == 0 and np.ndim(layer.offset) == 0
    return inputs[0].channels if scalar else dependencies.opaque(layer, inputs, shape)


def _prelu(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    if len(shape) in (layer.shared_axes or []):
        return inputs[0].channels
    dependencies.use(layer, "alpha", -1, inputs[0].channels)
    return inputs[0].channels


def _convolution(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    if layer.data_format != "channels_last":
        return dependencies.opaque(layer, inputs, shape)
    if layer.groups > 1 and len(inputs[0].channels) == layer.groups:
        return _one_channel_a_group(layer, inputs, shape, dependencies)
    channels = output_channels(layer, "filters", layer.filters, dependencies)
    reads, _ = (_alike(each, layer.groups, dependencies) for each in (inputs[0].channels, channels))
    dependencies.use(layer, "kernel", -2, reads, Read(inputs[0].channels))
    dependencies.use(layer, "kernel", -1, channels)
    dependencies.use(layer, "bias", -1, channels)
    return channels


def _alike(channels: np.ndarray, groups: int, dependencies: Dependencies) -> np.ndarray:
    """Lets every group lose the same of its channels; returns those of the first, which stand for all."""
    first, *others = np.split(channels, groups)
    for other in others:
        dependencies.sets.couple(first, other)
    return first


def _one_channel_a_group(
    layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies
) -> np.ndarray:
    """A depthwise convolution by another name: groups go with their channel."""
    if not is_elementwise(layer.activation):
        return dependencies.opaque(layer, inputs, shape)
    channels = np.repeat(inputs[0].channels, layer.filters // layer.groups)
    dependencies.count(layer, "groups", inputs[0].channels)
    dependencies.count(layer, "filters", channels)
    dependencies.use(layer, "kernel", -1, channels)
    dependencies.use(layer, "bias", -1, channels)
    return channels


def _transposed(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    if layer.data_format != "channels_last":
        return dependencies.opaque(layer, inputs, shape)
    channels = output_channels(layer, "filters", layer.filters, dependencies)
    dependencies.use(layer, "kernel", -1, inputs[0].channels, Read(inputs[0].channels))
    dependencies.use(layer, "kernel", -2, channels)
    dependencies.use(layer, "bias", -1, channels)
    return channels


def _depthwise(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    if layer.data_format != "channels_last" or not is_elementwise(layer.activation):
        return dependencies.opaque(layer, inputs, shape)
    channels = np.repeat(inputs[0].channels, layer.depth_multiplier)
    dependencies.use(layer, "kernel", -2, inputs[0].channels)
    dependencies.use(layer, "bias", -1, channels)
    return channels


def _separable(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    if layer.data_format != "channels_last":
        return dependencies.opaque(layer, inputs, shape)
    channels = output_channels(layer, "filters", layer.filters, dependencies)
    reads, read = np.repeat(inputs[0].channels, layer.depth_multiplier), Read(inputs[0].channels)
    dependencies.use(layer, "depthwise_kernel", -2, inputs[0].channels, read)
    dependencies.use(layer, "pointwise_kernel", -2, reads, read)
    dependencies.use(layer, "pointwise_kernel", -1, channels)
    dependencies.use(layer, "bias", -1, channels)
    return channels


def _dense(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    channels = output_channels(layer, "units", layer.units, dependencies)
    dependencies.use(layer, "kernel", 0, inputs[0].channels, Read(inputs[0].channels))
    dependencies.use(layer, "kernel", 1, channels)
    dependencies.use(layer, "bias", -1, channels)
    return channels


def _einsum_dense(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    """A Dense layer in other notation, where the last axis is summed over and the last one made is new."""
    read, kernel, made = re.split(",|->", layer.equation)
    is_dense = read[-1] in kernel and read[-1] not in made and made[-1] in kernel and made[-1] not in read
    if not is_dense:
        return dependencies.opaque(layer, inputs, shape)
    of_config = layer.get_config()["output_shape"]
    key = ("output_shape",) if isinstance(of_config, int) else ("output_shape", len(of_config) - 1)
    channels = output_channels(layer, key, shape[-1] or 0, dependencies)
    dependencies.use(layer, "kernel", kernel.index(read[-1]), inputs[0].channels, Read(inputs[0].channels))
    dependencies.use(layer, "kernel", kernel.index(made[-1]), channels)
    if made[-1] in (layer.bias_axes or ""):
        dependencies.use(layer, "bias", -1, channels)
    return channels


def _embedding(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    channels = output_channels(layer, "output_dim", layer.output_dim, dependencies)
    dependencies.use(layer, "embeddings", 1, channels)
    return channels


def _batch_normalization(
    layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies
) -> np.ndarray:
    if layer.axis not in (-1, len(shape)):
        return dependencies.opaque(layer, inputs, shape)
    for weight in ("gamma", "beta", "moving_mean", "moving_variance"):
        dependencies.use(layer, weight, 0, inputs[0].channels)
    return inputs[0].channels


def elementwise_merge(
    layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies
) -> np.ndarray:
    """Channel by channel, of tensors that are as wide."""
    if any(len(signal.channels) != len(inputs[0].channels) for signal in inputs):
        return dependencies.opaque(layer, inputs, shape)
    for signal in inputs[1:]:
        dependencies.sets.couple(inputs[0].channels, signal.channels)
    return inputs[0].channels


def _concatenate(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    if layer.axis in (-1, len(shape)):
        return np.concatenate([signal.channels for signal in inputs])
    return elementwise_merge(layer, inputs, shape, dependencies)


def _flatten(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    if layer.data_format != "channels_last" or None in inputs[0].shape or not inputs[0].shape:
        return dependencies.opaque(layer, inputs, shape)
    return np.tile(inputs[0].channels, (shape[0] or 0) // len(inputs[0].channels))


def _reshape(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    """Provable when, after it, every position still holds the same channels in the same order."""
    before, after = _static(inputs[0].shape), _static(shape)
    if before is None or after is None:
        return dependencies.opaque(layer, inputs, shape)
    rows: np.ndarray = np.broadcast_to(inputs[0].channels, before).reshape(-1, after[-1])
    if (rows != rows[0]).any():
        return dependencies.opaque(layer, inputs, shape)
    dependencies.shapes[layer.name] = (after, rows[0])
    channels: np.ndarray = rows[0].copy()
    return channels


def _permute(layer: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    if layer.dims[-1] != len(layer.dims):
        return dependencies.opaque(layer, inputs, shape)
    return inputs[0].channels


def _static(shape: Shape) -> tuple[int, ...] | None:
    sizes = tuple(size for size in shape if size is not None)
    return sizes if len(sizes) == len(shape) else None


def output_channels(layer: Any, key: str | Path, count: int, dependencies: Dependencies) -> np.ndarray:
    """Returns the channels that a layer makes; they stay when its activation mixes them, as softmax does."""
    channels = dependencies.make(layer, key, count)
    if not is_elementwise(getattr(layer, "activation", None)):
        dependencies.sets.freeze(
            channels, f"{layer.name} ({type(layer).__name__} with an activation across channels)"
        )
    return channels


def is_elementwise(activation: Any) -> bool:
    """Returns whether an activation, or none, takes every value by itself."""
    return activation is None or any(activation is getattr(keras.activations, name) for name in ELEMENTWISE)


def _kinds(rule: Rule, *names: str) -> dict[type, Rule]:
    return {getattr(layers, name): rule for name in names}


RULES: dict[type, Rule] = {
    **_kinds(_convolution, "Conv1D", "Conv2D", "Conv3D"),
    **_kinds(_transposed, "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
    **_kinds(_depthwise, "DepthwiseConv1D", "DepthwiseConv2D"),
    **_kinds(_separable, "SeparableConv1D", "SeparableConv2D"),
    **_kinds(_dense, "Dense"),
    **_kinds(_einsum_dense, "EinsumDense"),
    **_kinds(_embedding, "Embedding"),
    **_kinds(_batch_normalization, "BatchNormalization"),
    **_kinds(elementwise_merge, "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"),
    **_kinds(_concatenate, "Concatenate"),
    **_kinds(_flatten, "Flatten"),
    **_kinds(_reshape, "Reshape"),
    **_kinds(_permute, "Permute"),
    **_kinds(_activation, "Activation"),
    **_kinds(_prelu, "PReLU"),
    **_kinds(_rescaling, "Rescaling"),
    **_kinds(_same, "ReLU", "LeakyReLU", "ELU", "Identity", "RepeatVector", "ActivityRegularization"),
    **_kinds(_same, "Dropout", *(f"SpatialDropout{rank}D" for rank in (1, 2, 3))),
    **_kinds(_same, "GaussianNoise", "GaussianDropout", "Resizing"),
    **_kinds(_same, *(f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3))),
    **_kinds(_same, *(f"Global{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3))),
    **_kinds(
        _same, *(f"{kind}{rank}D" for kind in ("ZeroPadding", "Cropping", "UpSampling") for rank in (1, 2, 3))
    ),
}
