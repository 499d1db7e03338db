from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from trimtab.data.dataset.dataset import Dataset
from trimtab.train.scores import validation_scores


def test_classification_scores_say_which_examples_are_right(classification: Callable[..., Dataset]) -> None:
    data = classification(rows=(20, 300))
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(inputs)))
    x, y = data.arrays("validation")
    expected = model.predict(data.model_input(x), verbose=0).argmax(axis=1) == y
    scores = validation_scores(model, data)
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(scores, expected)


def test_regression_scores_are_errors_in_the_labels_unit(regression: Callable[..., Dataset]) -> None:
    data = regression()
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer="zeros")(inputs))
    _, y = data.arrays("validation")
    np.testing.assert_allclose(validation_scores(model, data), np.abs(y) * 50.0, rtol=1e-6)


def test_no_validation_rows_no_scores(classification: Callable[..., Dataset]) -> None:
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(inputs)))
    assert validation_scores(model, classification(rows=(20, 0))).shape == (0,)
