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

RENAMED = {("LeakyReLU", "negative_slope"): "alpha"}


def twin_name(name: str) -> str:
    """Returns what the twin of a layer is called.

    It cannot collide with the names that tf_keras gives to the layers that TFMOT adds (``conv2d``), and has
    no character that tf_keras would refuse.

    Args:
        name: The Keras 3 layer's name.
    """
    return "twin_" + re.sub(r"[^A-Za-z0-9_.-]", lambda match: f".{ord(match[0])}.", name)


def twin_layer(layer: Any) -> Any:
    """Returns a new, unbuilt tf_keras layer that computes what a Keras 3 layer computes.

    Args:
        layer: A Keras 3 layer.

    Raises:
        CompressionError: If its class or one of its settings is not known here.
    """
    import tf_keras

    name = type(layer).__name__
    if (
        not isinstance(layer, keras.Layer)
        or name not in SETTINGS
        or not type(layer).__module__.startswith("keras.")
    ):
        raise refused(layer, "has no twin in tf_keras, where TFMOT works")
    config = layer.get_config()
    for key, value in config.items():
        if value is not None and key.endswith("_constraint"):
            raise refused(layer, f"has a {key}, which TFMOT would not keep")
    if config.get("rms_scaling"):
        raise refused(layer, "has rms_scaling, which tf_keras does not know")
    settings = {RENAMED.get((name, key), key): config[key] for key in SETTINGS[name] if key in config}
    try:
        return getattr(tf_keras.layers, name)(
            **settings, name=twin_name(layer.name), dtype="float32", trainable=layer.trainable
        )
    except (ValueError, TypeError) as error:
        raise refused(layer, f"cannot be rebuilt in tf_keras ({error})") from error


def refused(layer: Any, reason: str) -> CompressionError:
    """Returns the error for a layer that TFMOT cannot have.

    Args:
        layer: A Keras 3 layer or operation.
        reason: A phrase that goes on after the layer's name.
    """
    return CompressionError(f"layer {layer.name} ({type(layer).__name__}) {reason}", hint=OTHER_RECIPES)
