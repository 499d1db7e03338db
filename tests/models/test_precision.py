"""Models of a precision of their own, or with an input of an open shape, become what runs everywhere."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from keras_tuner import HyperParameters

from trimtab.config.model import Model
from trimtab.models.functional import as_functional, in_float32
from trimtab.models.registry import build
from trimtab.models.spec import ModelSpec

SPEC = ModelSpec("image", "classification", (8, 8, 3), "float32", 2)
X = np.random.default_rng(0).random((5, 8, 8, 3)).astype(np.float32)


def model_of(precision: str) -> keras.Model:
    policy = keras.DTypePolicy(precision)
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", dtype=policy)(inputs)
    x = layers.BatchNormalization(dtype=policy)(x)
    x = x + x
    x = layers.Reshape((6, 24), dtype=policy)(x)
    x = layers.Bidirectional(layers.LSTM(3, dtype=policy), dtype=policy)(x)
    return keras.Model(inputs, layers.Dense(2, activation="softmax", dtype="float32")(x))


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_layers_of_sixteen_bits_compute_in_float32(precision: str) -> None:
    before = as_functional(model_of(precision), "model")
    after = in_float32(before)
    assert {layer.compute_dtype for layer in after.layers} == {"float32"}
    assert {weight.dtype for weight in after.weights} == {"float32"}
    np.testing.assert_allclose(after(X), before(X), atol=5e-3)


def test_a_model_of_float32_stays_as_it_is() -> None:
    model = as_functional(model_of("float32"), "model")
    assert in_float32(model) is model


BUILDERS = """
import keras
from keras import layers

def any_size(hp, spec):
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2DTranspose(4, 3, activation="relu")(layers.Conv2D(4, 3)(inputs))
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(x)))

def half(hp, spec):
    inputs = keras.Input(spec.input_shape)
    x = layers.Conv2D(4, 3, dtype="mixed_float16")(inputs)
    x = layers.GlobalAveragePooling2D(dtype="mixed_float16")(x)
    return keras.Model(inputs, layers.Dense(2, activation="softmax", dtype="float32")(x))
"""


@pytest.mark.parametrize("name", ["any_size", "half"])
def test_a_builders_model_gets_the_shape_of_the_data_and_whole_floats(tmp_path, monkeypatch, name) -> None:
    (tmp_path / "builders_of_precision.py").write_text(BUILDERS)
    monkeypatch.syspath_prepend(tmp_path)
    built = build(Model(builder=f"builders_of_precision:{name}"), SPEC, HyperParameters())
    assert built.inputs[0].shape == (None, 8, 8, 3)
    assert {layer.compute_dtype for layer in built.layers} == {"float32"}
    assert built(X).shape == (5, 2)
