from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from trimtab.config.train import Train
from trimtab.train.optimizer import learning_rate, optimizer

STEPS = 10


def rates(**train: object) -> list[float]:
    parsed = Train.model_validate({"epochs": 4, "learning_rate": 0.1, **train})
    rate = learning_rate(parsed, STEPS, keras)
    return [float(rate(step)) if callable(rate) else rate for step in range(4 * STEPS + 1)]


def test_constant_is_constant() -> None:
    assert rates(schedule="constant") == [0.1] * 41


def test_cosine_falls_to_zero_at_the_last_step() -> None:
    expected = [0.05 * (1 + math.cos(math.pi * step / 40)) for step in range(41)]
    np.testing.assert_allclose(rates(schedule="cosine"), expected, atol=1e-7)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_warm_up_rises_from_zero_and_then_the_schedule_begins(schedule: str) -> None:
    found = rates(schedule=schedule, warmup_epochs=1.5)
    np.testing.assert_allclose(found[:16], [0.1 * step / 15 for step in range(16)], atol=1e-7)
    cosine = [0.05 * (1 + math.cos(math.pi * step / 25)) for step in range(26)]
    np.testing.assert_allclose(found[15:], cosine if schedule == "cosine" else [0.1] * 26, atol=1e-7)


def test_a_warm_up_longer_than_the_training_is_cut() -> None:
    found = rates(schedule="cosine", warmup_epochs=100)
    assert found[0] == 0
    assert found[-1] == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
def test_weight_decay_spares_biases_and_normalizations(name: str) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), keras.layers.BatchNormalization()])
    for weight in model.weights:
        weight.assign(np.ones(weight.shape))
    chosen = optimizer(
        Train(optimizer=name, learning_rate=0.1, weight_decay=0.1, schedule="constant"), STEPS, keras
    )
    chosen.apply([np.zeros(w.shape, np.float32) for w in model.trainable_weights], model.trainable_weights)
    after = {weight.name: float(np.mean(weight)) for weight in model.trainable_weights}
    assert after.pop("kernel") < 1
    assert set(after.values()) == {1.0}


def test_momentum_is_for_sgd_and_rmsprop() -> None:
    assert optimizer(Train(optimizer="sgd", momentum=0.8), STEPS, keras).momentum == 0.8
    assert optimizer(Train(optimizer="rmsprop", momentum=0.7), STEPS, keras).momentum == 0.7


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_tf_keras_gets_the_same_optimizer(name: str, decay: float) -> None:
    import tf_keras

    layers = [tf_keras.layers.Dense(2, name="biased"), tf_keras.layers.BatchNormalization()]
    model = tf_keras.Sequential([tf_keras.Input((2,)), *layers])
    for weight in model.weights:
        weight.assign(np.ones(weight.shape))
    train = Train(optimizer=name, learning_rate=0.1, weight_decay=decay, schedule="constant", momentum=0.8)
    chosen = optimizer(train, STEPS, tf_keras)
    zeros = [np.zeros(weight.shape, np.float32) for weight in model.trainable_variables]
    chosen.apply_gradients(zip(map(tf_keras.backend.constant, zeros), model.trainable_variables, strict=True))
    after = {weight.name: float(np.mean(weight)) for weight in model.trainable_variables}
    assert (after.pop("biased/kernel:0") < 1) is (decay > 0)
    assert set(after.values()) == {1.0}


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_tf_keras_gets_the_same_schedule(schedule: str) -> None:
    import tf_keras

    train = Train(epochs=4, learning_rate=0.1, schedule=schedule, warmup_epochs=1.5)
    ours, theirs = (learning_rate(train, STEPS, api) for api in (keras, tf_keras))
    steps = range(4 * STEPS + 1)
    np.testing.assert_allclose(
        [float(theirs(step)) for step in steps], [float(ours(step)) for step in steps], atol=1e-7
    )
