from collections.abc import Callable

import keras
import numpy as np
import pytest

from trimtab.tasks.classification.binary import with_both_classes

L = keras.layers


@pytest.mark.parametrize("use_bias", [True, False])
def test_one_probability_becomes_two_that_say_the_same(use_bias: bool) -> None:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((5,)), L.Dense(7, "relu"), L.Dense(1, "sigmoid", use_bias=use_bias, name="head")]
    model = keras.Sequential(layers)
    model = keras.Model(model.inputs[0], model.outputs[0])
    both = with_both_classes(model)
    assert both is not None
    x = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
    expected = np.asarray(model(x))[:, 0]
    np.testing.assert_allclose(both(x), np.stack([1 - expected, expected], axis=1), atol=1e-6)
    assert both.layers[-1].name == "head"


@pytest.mark.parametrize(
    "last", [lambda: L.Dense(2, "softmax"), lambda: L.Dense(1), lambda: L.Activation("sigmoid")]
)
def test_other_heads_stay(last: Callable[[], L.Layer]) -> None:
    model = keras.Sequential([keras.Input((5,)), L.Dense(1), last()])
    assert with_both_classes(keras.Model(model.inputs[0], model.outputs[0])) is None
