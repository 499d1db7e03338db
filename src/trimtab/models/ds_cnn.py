"""DS-CNN, the keyword spotting reference of MLPerf Tiny, on log-mel spectrograms.

Source: mlcommons/tiny, ``benchmark/training/keyword_spotting/keras_model.py`` (Apache-2.0); Zhang et al.,
"Hello Edge: Keyword Spotting on Microcontrollers", 2017.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from trimtab.models.head import output
from trimtab.models.spec import ModelSpec

KINDS = ("audio", "image")


def build(hp: HyperParameters, spec: ModelSpec) -> keras.Model:
    """Returns one wide convolution, depthwise-separable blocks, and global average pooling.

    Args:
        hp: ``filters`` (64 is MLPerf's), ``blocks`` (4 is MLPerf's) and ``dropout``.
        spec: An input of ``(frames, mel bins, channels)``, at least 4x4.
    """
    filters = hp.Int("filters", 16, 128, step=16, default=64)
    blocks = hp.Int("blocks", 2, 6, default=4)
    dropout = hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2)
    inputs = keras.Input(spec.input_shape, dtype=spec.input_dtype, name="spectrogram")
    x = layers.Conv2D(filters, (10, 4), strides=2, padding="same", use_bias=False, name="stem_conv")(inputs)
    x = _normalized(x, "stem")
    for i in range(1, blocks + 1):
        name = f"block{i}"
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
        x = _normalized(x, f"{name}_depthwise")
        x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_pointwise")(x)
        x = _normalized(x, f"{name}_pointwise")
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.GlobalAveragePooling2D(name="global_pool")(x)
    return keras.Model(inputs, output(x, spec), name="ds_cnn")


def _normalized(x: Any, name: str) -> Any:
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_bn")(x))
