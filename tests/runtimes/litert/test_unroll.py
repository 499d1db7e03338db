"""int8 of recurrent layers: unrolled, they are the same numbers and can be calibrated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from served import outputs

from trimtab.batch import INPUT
from trimtab.errors import CompressionError
from trimtab.runtimes.litert import unroll
from trimtab.runtimes.litert.convert import convert
from trimtab.runtimes.litert.flatbuffer import int8_operators
from trimtab.runtimes.litert.quantizations import int8
from trimtab.runtimes.litert.unroll import unrolled

STEPS = 6
LAYERS: dict[str, Callable[[], Any]] = {
    "lstm": lambda: layers.LSTM(8),
    "gru": lambda: layers.GRU(8),
    "simple": lambda: layers.SimpleRNN(8),
    "both ways": lambda: layers.Bidirectional(layers.GRU(8)),
    "cells": lambda: layers.RNN([layers.LSTMCell(8), layers.GRUCell(8)]),
    "nested": lambda: keras.Sequential([keras.Input((STEPS, 8)), layers.LSTM(8)]),
}


def _model(layer: Any, *, steps: int | None = STEPS, masked: bool = False) -> keras.Model:
    inputs = keras.Input((steps,), dtype="int32")
    x = layer(layers.Embedding(40, 8, mask_zero=masked)(inputs))
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


@pytest.fixture(scope="module")
def tokens() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 40, (20, STEPS)).astype(np.int32)


@pytest.mark.parametrize("name", LAYERS)
def test_an_unrolled_model_computes_what_keras_does(name: str, tokens: np.ndarray) -> None:
    keras.utils.set_random_seed(0)
    model = _model(LAYERS[name]())
    with unrolled(model):
        made = convert(model)
    np.testing.assert_allclose(outputs(made, tokens), np.asarray(model(tokens)), atol=1e-5)


@pytest.mark.parametrize(("name", "masked"), [("lstm", True), ("gru", False)])
def test_int8_is_made_and_close(name: str, masked: bool, tokens: np.ndarray) -> None:
    keras.utils.set_random_seed(0)
    model = _model(LAYERS[name](), masked=masked)
    made = int8(model, {INPUT: tokens})("min_max")
    assert int8_operators(made) > STEPS
    np.testing.assert_allclose(outputs(made, tokens), np.asarray(model(tokens)), atol=0.02)


def test_the_model_loops_again_afterwards_whatever_happens() -> None:
    model = _model(layers.Bidirectional(layers.LSTM(4)))
    inner = model.layers[2]
    with pytest.raises(ZeroDivisionError), unrolled(model):
        assert inner.forward_layer.unroll
        assert inner.backward_layer.unroll
        raise ZeroDivisionError
    assert not inner.forward_layer.unroll
    assert not inner.backward_layer.unroll


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (unroll.MOST_STEPS + 1, f"it has {unroll.MOST_STEPS + 1} steps, more than {unroll.MOST_STEPS}"),
        (None, "how many steps it has is open"),
    ],
)
def test_what_cannot_be_unrolled_is_told_with_the_layer(steps: int | None, message: str) -> None:
    model = _model(layers.Bidirectional(layers.GRU(4), name="far"), steps=steps)
    with pytest.raises(CompressionError, match=message) as caught, unrolled(model):
        pass
    assert caught.value.field == "far"
    assert "dynamic_int8" in str(caught.value.hint)
