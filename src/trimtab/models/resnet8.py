"""ResNet-8, the image classification reference of MLPerf Tiny.

Source: mlcommons/tiny, ``benchmark/training/image_classification/keras_model.py`` (``resnet_v1_eembc``,
Apache-2.0); He et al., "Deep Residual Learning for Image Recognition", 2016, with three stages of one block.
With the default width the layers and their weights have the shapes of MLPerf's ``pretrainedResnet.h5``, in
its order: 78,666 parameters for 32x32x3 and 10 classes.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, regularizers
from keras_tuner import HyperParameters

from trimtab.models.head import output
from trimtab.models.spec import ModelSpec

KINDS = ("image",)


def build(hp: HyperParameters, spec: ModelSpec) -> keras.Model:
    """Returns ResNet-8 (v1: convolution → batch normalization → ReLU, ReLU after the sum).

    Args:
        hp: ``filters`` (of the first stage; 16 is MLPerf's) and ``l2`` (weight decay of the kernels).
        spec: An input of ``(height, width, channels)``, any size from 4x4 up.
    """
    filters = hp.Int("filters", 8, 32, step=4, default=16)
    decay = hp.Choice("l2", [0.0, 1e-5, 1e-4, 1e-3], default=1e-4)
    inputs = keras.Input(spec.input_shape, dtype=spec.input_dtype, name="image")
    x = _relu(_convolution(inputs, filters, 3, 1, decay, "stem"), "stem")
    for stage, (width, stride) in enumerate(((filters, 1), (2 * filters, 2), (4 * filters, 2)), start=1):
        x = _block(x, width, stride, decay, f"stage{stage}")
    x = layers.AveragePooling2D(x.shape[1:3], name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, output(x, spec), name="resnet8")


def _block(x: Any, filters: int, stride: int, decay: float, name: str) -> Any:
    y = _relu(_convolution(x, filters, 3, stride, decay, f"{name}_a"), f"{name}_a")
    y = _convolution(y, filters, 3, 1, decay, f"{name}_b")
    if stride > 1:
        x = layers.Conv2D(filters, 1, strides=stride, name=f"{name}_shortcut", **_initialization(decay))(x)
    return _relu(layers.Add(name=f"{name}_add")([x, y]), name)


def _convolution(x: Any, filters: int, size: int, stride: int, decay: float, name: str) -> Any:
    x = layers.Conv2D(
        filters, size, strides=stride, padding="same", name=f"{name}_conv", **_initialization(decay)
    )(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)


def _initialization(decay: float) -> dict[str, Any]:
    regularizer = regularizers.L2(decay) if decay else None
    return {"kernel_initializer": "he_normal", "kernel_regularizer": regularizer}


def _relu(x: Any, name: str) -> Any:
    return layers.ReLU(name=f"{name}_relu")(x)
