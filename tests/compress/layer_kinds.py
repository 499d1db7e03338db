"""Small models of one kind of layer each, between layers that every pass knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

IT, BEFORE = "it", "before"
_WORDS = 50


@dataclass(frozen=True)
class Kind:
    """A kind of layer.

    Attributes:
        build: Makes it of what comes before it; its layers with weights have names that begin with ``it``.
        shape: Of what comes before it: ``(12,)`` is a Dense layer's, ``(6, 8)`` a sequence's, ``(6, 6, 8)``
            an image's, ``(4, 4, 4, 8)`` a volume's; None: it gets tokens itself.
        weighs: Whether it has weights of its own that a pass may change.
    """

    build: Callable[[Any], Any]
    shape: tuple[int, ...] | None
    weighs: bool = True

    def model(self) -> keras.Model:
        """Returns the untrained model, the same every time."""
        keras.backend.clear_session()
        keras.utils.set_random_seed(2)
        if self.shape is None:
            x = inputs = keras.Input((6,), dtype="int32")
        else:
            inputs = keras.Input((*self.shape[:-1], 4))
            x = _before(self.shape)(inputs)
        x = layers.Flatten()(self.build(x))
        x = layers.Dense(16, activation="relu", name="after")(x)
        model = keras.Model(inputs, layers.Dense(3, activation="softmax", name="answer")(x), name="model")
        rng = np.random.default_rng(2)
        for weight in model.weights:
            if weight.name in ("bias", "beta"):
                weight.assign(rng.normal(0, 0.1, weight.shape))
        return model


def _before(shape: tuple[int, ...]) -> Any:
    if len(shape) < 3:
        return layers.Dense(shape[-1], activation="relu", name=BEFORE)
    kind = {3: layers.Conv2D, 4: layers.Conv3D}[len(shape)]
    return kind(shape[-1], 3, padding="same", activation="relu", name=BEFORE)


def _one(kind: Any, *given: Any, **named: Any) -> Callable[[Any], Any]:
    return lambda x: kind(*given, name=IT, **named)(x)


def _gated(x: Any) -> Any:
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.Multiply()([x, layers.Dense(x.shape[-1], activation="sigmoid", name=IT)(gate)])


def _nested(x: Any) -> Any:
    inner = keras.Sequential([keras.Input(x.shape[1:]), layers.Conv2D(12, 3, name=IT), layers.ReLU()])
    return inner(x)


def _shared(x: Any) -> Any:
    layer = layers.Dense(12, activation="relu", name=IT)
    return layer(layer(x))


def _masked(x: Any) -> Any:
    return layers.LSTM(8, name=IT)(layers.Embedding(_WORDS, 8, mask_zero=True, name="it_words")(x))


_VECTOR, _SEQUENCE, _IMAGE, _VOLUME = (12,), (6, 8), (6, 6, 8), (4, 4, 4, 8)

KINDS: dict[str, Kind] = {
    "Dense": Kind(_one(layers.Dense, 24, activation="relu"), _VECTOR),
    "EinsumDense": Kind(_one(layers.EinsumDense, "btd,dh->bth", (6, 16), bias_axes="h"), _SEQUENCE),
    "Conv1D": Kind(_one(layers.Conv1D, 12, 3), _SEQUENCE),
    "Conv2D": Kind(_one(layers.Conv2D, 12, 3), _IMAGE),
    "Conv2D, groups": Kind(_one(layers.Conv2D, 12, 3, groups=2), _IMAGE),
    "Conv3D": Kind(_one(layers.Conv3D, 12, 3), _VOLUME),
    "DepthwiseConv2D": Kind(_one(layers.DepthwiseConv2D, 3), _IMAGE),
    "SeparableConv1D": Kind(_one(layers.SeparableConv1D, 12, 3), _SEQUENCE),
    "SeparableConv2D": Kind(_one(layers.SeparableConv2D, 12, 3), _IMAGE),
    "Conv1DTranspose": Kind(_one(layers.Conv1DTranspose, 12, 3, 2), _SEQUENCE),
    "Conv2DTranspose": Kind(_one(layers.Conv2DTranspose, 12, 3, 2), _IMAGE),
    "Embedding": Kind(_one(layers.Embedding, _WORDS, 16), None),
    "MultiHeadAttention": Kind(lambda x: layers.MultiHeadAttention(4, 4, name=IT)(x, x), _SEQUENCE),
    "GroupQueryAttention": Kind(lambda x: layers.GroupQueryAttention(4, 4, 2, name=IT)(x, x), _SEQUENCE),
    "LSTM": Kind(_one(layers.LSTM, 8, return_sequences=True), _SEQUENCE),
    "GRU": Kind(_one(layers.GRU, 8), _SEQUENCE),
    "SimpleRNN": Kind(_one(layers.SimpleRNN, 8), _SEQUENCE),
    "Bidirectional": Kind(lambda x: layers.Bidirectional(layers.LSTM(8), name=IT)(x), _SEQUENCE),
    "ConvLSTM1D": Kind(
        lambda x: layers.ConvLSTM1D(8, 3, padding="same", name=IT)(layers.Reshape((3, 2, 8))(x)), _SEQUENCE
    ),
    "TimeDistributed": Kind(lambda x: layers.TimeDistributed(layers.Dense(16), name=IT)(x), _SEQUENCE),
    "BatchNormalization": Kind(_one(layers.BatchNormalization), _IMAGE, weighs=False),
    "LayerNormalization": Kind(_one(layers.LayerNormalization), _SEQUENCE, weighs=False),
    "GroupNormalization": Kind(_one(layers.GroupNormalization, 4), _IMAGE, weighs=False),
    "RMSNormalization": Kind(_one(layers.RMSNormalization), _SEQUENCE, weighs=False),
    "PReLU": Kind(_one(layers.PReLU, shared_axes=[1, 2]), _IMAGE, weighs=False),
    "hard_swish": Kind(_one(layers.Activation, "hard_swish"), _IMAGE, weighs=False),
    "gelu, mish, elu": Kind(
        lambda x: layers.ELU()(layers.Activation("mish")(layers.Activation("gelu")(x))), _VECTOR, weighs=False
    ),
    "Softmax": Kind(_one(layers.Softmax), _SEQUENCE, weighs=False),
    "Add": Kind(lambda x: layers.Add()([x, layers.Dense(8, name=IT)(x)]), _SEQUENCE),
    "Multiply (squeeze and excitation)": Kind(_gated, _IMAGE),
    "Concatenate": Kind(lambda x: layers.Concatenate()([x, layers.Conv2D(12, 1, name=IT)(x)]), _IMAGE),
    "UpSampling2D": Kind(_one(layers.UpSampling2D, interpolation="bilinear"), _IMAGE, weighs=False),
    "Resizing": Kind(_one(layers.Resizing, 4, 4), _IMAGE, weighs=False),
    "Reshape, Permute": Kind(
        lambda x: layers.Permute((2, 1, 3))(layers.Reshape((4, 9, 8))(x)), _IMAGE, weighs=False
    ),
    "slices": Kind(lambda x: x[:, 1:, ::2], _IMAGE, weighs=False),
    "keras.ops": Kind(
        lambda x: ops.relu(x * 2.0 - 1.0) + ops.mean(x, axis=1, keepdims=True), _SEQUENCE, weighs=False
    ),
    "nested model": Kind(_nested, _IMAGE),
    "shared layer": Kind(_shared, _VECTOR),
    "masked LSTM": Kind(_masked, None),
}
