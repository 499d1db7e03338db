"""A small convolutional network, for images and spectrograms of any size from 4x4 up."""

from __future__ import annotations

import math

import keras
from keras import layers
from keras_tuner import HyperParameters

from trimtab.models.head import output
from trimtab.models.spec import ModelSpec

KINDS = ("image", "audio")
MOMENTUM = 0.9  # Keras' 0.99 lags behind the weights when an epoch has only a few dozen batches


def build(hp: HyperParameters, spec: ModelSpec) -> keras.Model:
    """Returns blocks of convolution → batch normalization → ReLU → pooling, then global average pooling.

    The map is halved after a block while its shorter side has at least 4 pixels, and the filters double,
    three times at most.

    Args:
        hp: ``blocks``, ``filters`` (of the first block), ``convolutions`` (per block) and ``dropout``.
        spec: An input of ``(height, width, channels)``.
    """
    height, width, _ = spec.input_shape
    side = min(height, width)
    # A search judges by accuracy alone: it must not find a net of 50 times the size for a tenth of a point.
    deepest = min(max(round(math.log2(side)) - 1, 3), 5)
    blocks = hp.Int("blocks", 2, deepest, default=deepest)
    first = hp.Int("filters", 8, 32, step=8, default=16)
    convolutions = hp.Int("convolutions", 1, 2, default=1)
    dropout = hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.1)
    inputs = keras.Input(spec.input_shape, dtype=spec.input_dtype, name="image")
    x, filters = inputs, first
    for block in range(1, blocks + 1):
        for i in range(1, convolutions + 1):
            name = f"{block}_{i}"
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv_{name}")(x)
            x = layers.BatchNormalization(momentum=MOMENTUM, name=f"bn_{name}")(x)
            x = layers.ReLU(name=f"relu_{name}")(x)
        if side >= 4 and block < blocks:
            x = layers.MaxPooling2D(2, name=f"pool_{block}")(x)
            side //= 2
        filters = min(2 * filters, 8 * first)
    x = layers.GlobalAveragePooling2D(name="global_pool")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, output(x, spec), name="cnn")
