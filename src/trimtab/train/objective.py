"""The loss and the metric of a task."""

from __future__ import annotations

import keras

from trimtab.config.data import Task

METRIC: dict[Task, str] = {"classification": "accuracy", "regression": "mae"}


def loss(task: Task) -> keras.losses.Loss:
    """Returns cross-entropy on probabilities for classification, the mean squared error for regression."""
    if task == "classification":
        return keras.losses.SparseCategoricalCrossentropy()
    return keras.losses.MeanSquaredError()


def metrics(task: Task) -> list[keras.metrics.Metric]:
    """Returns the metric that is shown of every epoch: accuracy, or the mean absolute error."""
    if task == "classification":
        return [keras.metrics.SparseCategoricalAccuracy(name=METRIC[task])]
    return [keras.metrics.MeanAbsoluteError(name=METRIC[task])]
