"""Keras 3 layers as tf_keras layers: which are known, and which of their settings count.

A class is carried over under the same name with the settings listed here; a setting that is not listed must
not change what the layer computes (initializers, names, dtypes: twins always compute in float32).
"""

from __future__ import annotations

import re
from typing import Any

import keras

from trimtab.errors import CompressionError

OTHER_RECIPES = "These recipes still work: prune by channels; quantize by float16, dynamic_int8 or int8."

_CONVOLUTION = (
    "kernel_size",
    "strides",
    "padding",
    "data_format",
    "dilation_rate",
    "activation",
    "use_bias",
    "bias_regularizer",
)
_REGULAR = (*_CONVOLUTION, "filters", "kernel_regularizer")
_POOLING = ("pool_size", "strides", "padding", "data_format")
_GLOBAL_POOLING = ("data_format", "keepdims")

SETTINGS: dict[str, tuple[str, ...]] = {
    "Activation": ("activation",),
    "Add": (),
    "Average": (),
    "AveragePooling1D": _POOLING,
    "AveragePooling2D": _POOLING,
    "BatchNormalization": ("axis", "momentum", "epsilon", "center", "scale"),
    "Concatenate": ("axis",),
    "Conv1D": (*_REGULAR, "groups"),
    "Conv2D": (*_REGULAR, "groups"),
    "Conv2DTranspose": (*_REGULAR, "output_padding"),
    "Cropping1D": ("cropping",),
    "Cropping2D": ("cropping", "data_format"),
    "Dense": ("units", "activation", "use_bias", "kernel_regularizer", "bias_regularizer"),
    "DepthwiseConv2D": (*_CONVOLUTION, "depth_multiplier", "depthwise_regularizer"),
    "Dropout": ("rate", "noise_shape"),
    "ELU": ("alpha",),
    "EinsumDense": ("activation", "kernel_regularizer", "bias_regularizer"),
    "Embedding": ("input_dim", "output_dim", "mask_zero", "embeddings_regularizer"),
    "Flatten": ("data_format",),
    "GaussianDropout": ("rate",),
    "GaussianNoise": ("stddev",),
    "GlobalAveragePooling1D": _GLOBAL_POOLING,
    "GlobalAveragePooling2D": _GLOBAL_POOLING,
    "GlobalMaxPooling1D": _GLOBAL_POOLING,
    "GlobalMaxPooling2D": _GLOBAL_POOLING,
    "LayerNormalization": ("axis", "epsilon", "center", "scale"),
    "LeakyReLU": ("negative_slope",),
    "MaxPooling1D": _POOLING,
    "MaxPooling2D": _POOLING,
    "Maximum": (),
    "Minimum": (),
    "Multiply": (),
    "PReLU": ("shared_axes",),
    "Permute": ("dims",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "RepeatVector": ("n",),
    "Rescaling": ("scale", "offset"),
    "Reshape": ("target_shape",),
    "SeparableConv1D": (
        *_CONVOLUTION,
        "filters",
        "depth_multiplier",
        "depthwise_regularizer",
        "pointwise_regularizer",
    ),
    "SeparableConv2D": (
        *_CONVOLUTION,
        "filters",
        "depth_multiplier",
        "depthwise_regularizer",
        "pointwise_regularizer",
    ),
    "Softmax": ("axis",),
    "SpatialDropout1D": ("rate",),
    "SpatialDropout2D": ("rate", "data_format"),
    "Subtract": (),
    "UpSampling1D": ("size",),
    "UpSampling2D": ("size", "data_format", "interpolation"),
    "ZeroPadding1D": ("padding",),
    "ZeroPadding2D": ("padding", "data_format"),
}

_OTHER_ACTIVATIONS = ("hard_sigmoid",)
"""Names that mean something else in tf_keras: ``0.2 x + 0.5`` where Keras 3 has ``relu6(x + 3) / 6``."""

RENAMED = {("LeakyReLU", "negative_slope"): "alpha"}


def twin_name(name: str) -> str:
    """Returns what the twin of a layer is called.

    It cannot collide with the names that tf_keras gives to the layers that TFMOT adds (``conv2d``), and has
    no character that tf_keras would refuse.

    Args:
        name: The Keras 3 layer's name.
    """
    return "twin_" + re.sub(r"[^A-Za-z0-9_.-]", lambda match: f".{ord(match[0])}.", name)


def has_twin(operation: Any) -> bool:
    """Returns whether an operation is a layer that tf_keras has, too; others stay as they are.

    Args:
        operation: A Keras 3 layer or operation.
    """
    name = type(operation).__name__
    if (
        not isinstance(operation, keras.Layer)
        or name not in SETTINGS
        or not type(operation).__module__.startswith("keras.")
        or operation.get_config().get("rms_scaling")
        or operation.get_config().get("activation") in _OTHER_ACTIVATIONS
        or (name == "EinsumDense" and not _is_dense(operation))
    ):
        return False
    try:
        _rebuilt(operation)
    except (ValueError, TypeError):
        return False
    return True


def twin_layer(layer: Any) -> Any:
    """Returns a new, unbuilt tf_keras layer that computes what a Keras 3 layer computes.

    Args:
        layer: A Keras 3 layer that ``has_twin``.

    Raises:
        CompressionError: If TFMOT would not keep one of its settings.
    """
    for key, value in layer.get_config().items():
        if value is not None and key.endswith("_constraint"):
            raise refused(layer, f"has a {key}, which TFMOT would not keep")
    return _rebuilt(layer)


def _rebuilt(layer: Any) -> Any:
    import tf_keras

    name, config = type(layer).__name__, layer.get_config()
    settings = {RENAMED.get((name, key), key): config[key] for key in SETTINGS[name] if key in config}
    if name == "EinsumDense":
        name = "Dense"
        settings |= {"units": layer.kernel.shape[-1], "use_bias": layer.bias is not None}
    return getattr(tf_keras.layers, name)(
        **settings, name=twin_name(layer.name), dtype="float32", trainable=layer.trainable
    )


def _is_dense(layer: Any) -> bool:
    """Returns whether an EinsumDense is a Dense layer in other notation, of which TFMOT knows that one."""
    read, kernel, made = re.split(",|->", layer.equation)
    return (
        kernel == read[-1] + made[-1]
        and made[:-1] == read[:-1]
        and made[-1] not in read
        and layer.bias_axes in (None, made[-1])
    )


def refused(layer: Any, reason: str) -> CompressionError:
    """Returns the error for a layer that TFMOT cannot have.

    Args:
        layer: A Keras 3 layer or operation.
        reason: A phrase that goes on after the layer's name.
    """
    return CompressionError(f"layer {layer.name} ({type(layer).__name__}) {reason}", hint=OTHER_RECIPES)
