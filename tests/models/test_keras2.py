"""Files that Keras 2 wrote answer in Keras 3 as they did there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from trimtab.errors import ModelError
from trimtab.models import archive, keras2

L = tf_keras.layers
Build = Callable[[], Any]


def _image() -> Any:
    return tf_keras.Input((12, 12, 3))


def _separable() -> Any:
    convolutions = [L.SeparableConv2D(6, 3), L.DepthwiseConv2D(3), L.BatchNormalization(axis=[3])]
    return tf_keras.Sequential([_image(), *convolutions, L.Conv2DTranspose(4, 3), *_head()])


def _recurrent() -> Any:
    sequence = [L.Conv1D(4, 3), L.SpatialDropout1D(0.2), L.LSTM(4, return_sequences=True)]
    return tf_keras.Sequential([tf_keras.Input((12, 3)), *sequence, L.Bidirectional(L.GRU(3)), L.Dense(3)])


def _augmented() -> Any:
    return tf_keras.Sequential([_image(), L.RandomFlip(), L.RandomRotation(0.1), *_head()])


def _nested() -> Any:
    outer, inner = _image(), _image()
    body = tf_keras.Model(inner, L.DepthwiseConv2D(3)(inner), name="body")
    x = body(outer)
    for layer in _head():
        x = layer(x)
    return tf_keras.Model(outer, x)


def _sequential_of_sequentials() -> Any:
    inner = _image()
    features = tf_keras.Sequential([tf_keras.Model(inner, L.Conv2D(4, 3)(inner)), *_head()[:1]])
    model = tf_keras.Sequential([features, tf_keras.Sequential([L.Dense(3, input_shape=(4,))])])
    model.build((None, 12, 12, 3))
    return model


def _operators() -> Any:
    inputs = _image()
    x = L.Conv2D(4, 3, name="block/conv")(inputs / 127.5 - 1.0)
    x = tf.nn.relu6(x + 3.0) * x + L.Conv2D(4, 3)(inputs)
    x = L.ThresholdedReLU(0.1)(1.0 - tf.maximum(x, -x))
    for layer in _head():
        x = layer(x)
    return tf_keras.Model(inputs, x)


def _functions() -> Any:
    """``tf.concat`` and its like, slices, and numbers on either side."""
    inputs = _image()
    x = tf.concat([inputs[:, 1:, ::2], inputs[:, :-1, 1::2, :]], axis=-1)
    x = tf.reshape(tf.transpose(tf.abs(x) + 0.1, [0, 2, 1, 3]), (-1, 6, 66))
    first, second = tf.split(x, [26, 40], axis=-1)
    halves = tf.split(second, 2, axis=2)
    x = tf.stack(
        [tf.reduce_mean(first, axis=[1]), first[:, 0], tf.pad(halves[1], [[0, 0], [0, 0], [3, 3]])[:, 2]], 1
    )
    x = tf.squeeze(tf.expand_dims(tf.math.sqrt(x), 1), axis=1) ** 2 / (1.0 + tf.math.log(x + 1.0))
    x = 2.0 / (1.0 + tf.clip_by_value(tf.maximum(x, 0.2), 0.0, 3.0)) - tf.math.rsqrt(x)
    x = tf.matmul(tf.nn.softmax(x, axis=1), tf.transpose(tf.nn.leaky_relu(x, 0.3), [0, 2, 1]))
    x = tf.concat(
        [
            tf.transpose(x[..., 0][..., tf.newaxis], [0, 2, 1])[..., 0:2],
            tf.reduce_sum(x, axis=2, keepdims=False)[:, tf.newaxis],
        ],
        2,
    )
    x = tf.cast(tf.cast(x, tf.float64), tf.float32) - tf.math.reduce_std(x, axis=-1, keepdims=True)
    return tf_keras.Model(inputs, L.Dense(3)(tf.nn.gelu(x)[:, 0]))


def _attending() -> Any:
    inputs = tf_keras.Input((6, 4))
    query, value, key = (L.Dense(4, name=name)(inputs) for name in ("query", "value", "key"))
    x = query + L.MultiHeadAttention(2, 4)(query, value, key=key)
    x = L.Attention()([x, L.Dense(4, dtype=tf_keras.mixed_precision.Policy("float32"))(x)])
    return tf_keras.Model(inputs, L.Dense(3)(L.GlobalAveragePooling1D()(x)))


def _head() -> list[Any]:
    return [L.GlobalAveragePooling2D(), L.Dense(3, activation="softmax")]


@pytest.mark.parametrize(
    "build",
    [
        _separable,
        _recurrent,
        _augmented,
        _nested,
        _sequential_of_sequentials,
        _operators,
        _functions,
        _attending,
    ],
    ids=lambda b: b.__name__,
)
def test_a_file_of_keras_2_answers_as_before(tmp_path: Path, build: Build) -> None:
    tf_keras.utils.set_random_seed(0)
    model = build()
    model.save(tmp_path / "model.h5")
    x = np.random.default_rng(0).normal(size=(4, *model.input_shape[1:])).astype(np.float32)
    found = archive.load(tmp_path / "model.h5")(x, training=False)
    np.testing.assert_allclose(found, model.predict(x, verbose=0), atol=1e-6)


def test_an_activation_that_is_another_function_now_is_refused(tmp_path: Path) -> None:
    layers = [_image(), L.Conv2D(4, 3, activation="hard_sigmoid", name="gate"), *_head()]
    tf_keras.Sequential(layers).save(tmp_path / "model.h5")
    with pytest.raises(ModelError, match=r"gate: hard_sigmoid of Keras 2 is another function"):
        archive.load(tmp_path / "model.h5")


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (tf.cumsum, "math.cumsum"),
        (lambda x: tf.matmul(x, x, transpose_b=True), "linalg.matmul"),
        (lambda x: tf.reshape(x, tf.shape(x)), "reshape"),
        (lambda x: x[..., 1:], "__operators__.getitem"),
        (lambda x: tf.pad(x, [[0, 0], [0, 0]], constant_values=1.0), "compat.v1.pad"),
    ],
)
def test_an_operator_is_refused_by_its_name(tmp_path: Path, function: Any, name: str) -> None:
    inputs = tf_keras.Input((4,))
    x = tf.reduce_sum(function(inputs), axis=-1, keepdims=True)
    tf_keras.Model(inputs, L.Dense(3)(x)).save(tmp_path / "model.h5")
    with pytest.raises(ModelError, match=rf"(?s)operator tf\.{name}\S* .*model\.builder"):
        archive.load(tmp_path / "model.h5")


@pytest.mark.parametrize(
    "config",
    [
        b"{",
        json.dumps({"class_name": "Functional", "config": {"layers": 1}}).encode(),
        json.dumps({"class_name": "BatchNormalization", "config": {"axis": [1, 2]}}).encode(),
    ],
)
def test_a_config_that_is_none_is_an_error_for_people(config: bytes) -> None:
    with pytest.raises(ModelError, match="none of Keras 2"):
        keras2.translated(config, "model.h5")
