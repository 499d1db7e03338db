"""The loss and the metric of a task."""

from __future__ import annotations

from typing import Any

from trimtab.config.data import Task

METRIC: dict[Task, str] = {"classification": "accuracy", "regression": "mae"}


def loss(task: Task, api: Any, *, soft: bool = False) -> Any:
    """Returns cross-entropy on probabilities for classification, the mean squared error for regression.

    Args:
        task: The task.
        api: Keras, or another library with its interface.
        soft: Whether a label is a probability for every class, in place of a class.
    """
    if task != "classification":
        return api.losses.MeanSquaredError()
    return api.losses.CategoricalCrossentropy() if soft else api.losses.SparseCategoricalCrossentropy()


def metrics(task: Task, api: Any, *, soft: bool = False) -> list[Any]:
    """Returns the metric that is shown of every epoch: accuracy, or the mean absolute error."""
    if task != "classification":
        return [api.metrics.MeanAbsoluteError(name=METRIC[task])]
    accuracy = api.metrics.CategoricalAccuracy if soft else api.metrics.SparseCategoricalAccuracy
    return [accuracy(name=METRIC[task])]
