"""A small U-Net of depthwise-separable convolutions, for a class a pixel; any size from 4x4 up.

O. Ronneberger, P. Fischer and T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
MICCAI 2015, with the separable convolutions of F. Chollet, "Xception", CVPR 2017, and nearest-neighbour
upsampling in the place of transposed convolutions: every layer has an 8-bit kernel in all runtimes.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from trimtab.models.cnn import MOMENTUM
from trimtab.models.head import output
from trimtab.models.spec import ModelSpec

KINDS = ("image",)
ANSWERS_PIXELS = True


def build(hp: HyperParameters, spec: ModelSpec) -> keras.Model:
    """Returns an encoder that halves the map level by level, and a decoder with a skip from each level.

    Args:
        hp: ``levels`` (how often the map is halved), ``filters`` (of the first level, doubled at each, four
            times at most) and ``dropout`` (at the narrowest).
        spec: An input of ``(height, width, channels)``.
    """
    deepest = min(max(round(math.log2(min(spec.input_shape[:2]))) - 2, 1), 4)
    levels = hp.Int("levels", 1, deepest, default=deepest)
    first = hp.Int("filters", 8, 32, step=8, default=16)
    dropout = hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.1)
    inputs = keras.Input(spec.input_shape, dtype=spec.input_dtype, name="image")
    x = layers.Conv2D(first, 3, padding="same", use_bias=False, name="stem_conv")(inputs)
    x, skips = _normalized(x, "stem"), []
    for level in range(1, levels + 1):
        x = _separable(x, _width(first, level - 1), f"down_{level}")
        skips.append(x)
        x = layers.MaxPooling2D(2, padding="same", name=f"pool_{level}")(x)
    x = _separable(x, _width(first, levels), "bridge")
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    for level in range(levels, 0, -1):
        x = _upsampled(x, skips[level - 1], f"up_{level}")
        x = _separable(x, _width(first, level - 1), f"up_{level}")
    return keras.Model(inputs, output(x, spec), name="unet")


def _width(first: int, level: int) -> int:
    return int(first * min(2**level, 4))


def _upsampled(x: Any, skip: Any, name: str) -> Any:
    """Returns a map in the size of a skip, joined with it; halving an odd side rounds up."""
    x = layers.UpSampling2D(2, name=f"{name}_upsample")(x)
    beyond = [(0, now - then) for now, then in zip(x.shape[1:3], skip.shape[1:3], strict=True)]
    if any(after for _, after in beyond):
        x = layers.Cropping2D(tuple(beyond), name=f"{name}_crop")(x)
    return layers.Concatenate(name=f"{name}_join")([x, skip])


def _separable(x: Any, filters: int, name: str) -> Any:
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
    x = _normalized(x, f"{name}_depthwise")
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_pointwise")(x)
    return _normalized(x, f"{name}_pointwise")


def _normalized(x: Any, name: str) -> Any:
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
