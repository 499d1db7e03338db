from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.batch import INPUT
from trimtab.data.dataset.dataset import Dataset
from trimtab.stages.making import validation

SEED = 5


def answering(probabilities: np.ndarray) -> keras.Model:
    """Returns a model that gives every image the same probabilities."""
    inputs = keras.Input((8, 8, 1))
    out = layers.Dense(10, activation="softmax", kernel_initializer="zeros")
    model = keras.Model(inputs, out(layers.Flatten()(inputs)))
    model.layers[-1].bias.assign(np.log(probabilities))
    return model


def test_the_loss_is_the_tasks_on_validation_examples_alone(digits_dataset: Path) -> None:
    data = Dataset.open(digits_dataset)
    loss = validation.loss(data, SEED, {})
    assert loss is not None
    assert loss(answering(np.full(10, 0.1))) == pytest.approx(np.log(10), rel=1e-5)
    probabilities = np.array([0.55, *[0.05] * 9])
    x, labels = data.sample("validation", 1_000, SEED)
    assert len(x[INPUT]) == data.rows["validation"]
    assert loss(answering(probabilities)) == pytest.approx(-np.log(probabilities)[labels].mean(), rel=1e-5)


def test_without_validation_examples_nobody_judges(digits_dataset: Path) -> None:
    data = Dataset.open(digits_dataset)
    data.rows["validation"] = 0
    assert validation.loss(data, SEED, {}) is None
