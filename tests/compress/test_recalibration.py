from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.compress.apply import apply
from trimtab.compress.base import Context
from trimtab.compress.channels import Channels
from trimtab.compress.graph.cut import cut
from trimtab.compress.graph.selection import choose
from trimtab.compress.graph.trace import trace
from trimtab.compress.recalibration import measured, recalibrate, recalibrate_where_better
from trimtab.config.chains import Step
from trimtab.config.fine_tuning import FineTuning
from trimtab.models import cost
from trimtab.models.functional import copy


@pytest.fixture(scope="module")
def trained(digits: tuple[np.ndarray, np.ndarray]) -> keras.Model:
    """Returns a net in which a convolution reads what is cut, and a normalization follows it."""
    keras.utils.set_random_seed(2)
    x = inputs = keras.Input((8, 8, 1))
    for place, width in enumerate((16, 32), start=1):
        x = layers.Conv2D(width, 3, use_bias=False, name=f"conv_{place}")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"bn_{place}")(x)
        x = layers.ReLU()(x)
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(digits[0][:1300], digits[1][:1300], batch_size=64, epochs=8, verbose=0)
    return model


@pytest.fixture
def halved(trained: keras.Model) -> keras.Model:
    """Returns it right after a cut."""
    found = trace(trained)
    return cut(trained, found, choose(trained, found, 0.5))


def right(model: keras.Model, x: np.ndarray, accuracy: Callable[[np.ndarray], float]) -> float:
    return accuracy(np.asarray(model(x, training=False)))


def test_a_cut_model_gains_without_training(
    halved: keras.Model, context: Context, kept_back: np.ndarray, accuracy: Callable[[np.ndarray], float]
) -> None:
    before = right(halved, kept_back, accuracy)
    trainable = [np.array(weight) for weight in halved.trainable_weights]
    recalibrate(halved, context)
    assert right(halved, kept_back, accuracy) > before + 0.05
    for weight, old in zip(halved.trainable_weights, trainable, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_the_statistics_are_those_of_what_reaches_each_normalization(
    halved: keras.Model, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    x, before = digits[0][:600], cost.weights_sha256(halved)
    found = measured(halved, x)
    assert cost.weights_sha256(halved) == before
    first = np.asarray(halved.get_layer("conv_1")(x), np.float64)
    np.testing.assert_allclose(found["bn_1"][0], first.mean(axis=(0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(found["bn_1"][1], first.var(axis=(0, 1, 2)), rtol=1e-4)


def test_frozen_normalizations_and_momenta_stay_what_they_were(halved: keras.Model, context: Context) -> None:
    frozen = halved.get_layer("bn_2")
    frozen.trainable, old = False, np.array(frozen.moving_mean)
    recalibrate(halved, context)
    assert not frozen.trainable
    assert frozen.momentum == 0.9
    # What reaches a frozen one is cut as well.
    assert np.abs(frozen.moving_mean - old).max() > 0.1


def test_a_layer_that_is_called_twice_has_the_statistics_of_both_calls() -> None:
    shared = layers.BatchNormalization(name="shared")
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Add()([shared(inputs), shared(layers.Rescaling(3.0)(inputs))]))
    x = np.random.default_rng(0).normal(5, 2, (500, 3)).astype(np.float32)
    mean, variance = measured(model, x)["shared"]
    both = np.concatenate([x, 3 * x]).astype(np.float64)
    np.testing.assert_allclose(mean, both.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(variance, both.var(axis=0), rtol=1e-4)


def test_it_stays_only_where_the_validation_loss_is_smaller(halved: keras.Model, context: Context) -> None:
    before = cost.weights_sha256(halved)
    recalibrate_where_better(halved, context)
    assert cost.weights_sha256(halved) == before, "nobody judges"
    losses = iter([1.0, 1.5, 1.0, 0.5])
    lines: list[str] = []
    judged = replace(context, validation_loss=lambda _: next(losses), say=lines.append)
    recalibrate_where_better(halved, judged)
    assert cost.weights_sha256(halved) == before
    assert lines == []
    recalibrate_where_better(halved, judged)
    assert cost.weights_sha256(halved) != before
    assert lines == ["batch-norm statistics measured again: validation loss 1.0000 → 0.5000"]


def test_every_fine_tuning_begins_with_the_statistics_of_the_cut_model(
    trained: keras.Model, context: Context
) -> None:
    seen: list[keras.Model] = []

    def fine_tune(
        model: Any, tuning: FineTuning, *, callbacks: Sequence[Any] = (), library: Any = None
    ) -> None:
        seen.append(copy(model))

    cut_only = apply(Step("channels", Channels(ratio=0.5)), trained, replace(context, fine_tune=fine_tune))
    (began,) = seen
    assert cost.weights_sha256(began) == cost.weights_sha256(cut_only)
    expected = measured(began, context.calibration(2_048))
    for name, (mean, variance) in expected.items():
        np.testing.assert_allclose(began.get_layer(name).moving_mean, mean, atol=1e-5)
        np.testing.assert_allclose(began.get_layer(name).moving_variance, variance, rtol=1e-4)


def test_a_model_without_normalizations_asks_for_no_examples(
    models: dict[str, keras.Model], context: Context
) -> None:
    def refuse(_: int) -> np.ndarray:
        raise AssertionError("examples were read")

    recalibrate(models["mlp"], replace(context, calibration=refuse))
