"""Recall and precision of one class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.metrics.base import Array, Asked, Form, Measure, Metric, class_index, of_class
from trimtab.tasks.metrics.formulas import recall_at_precision

_CLASSES: frozenset[Form] = frozenset({"classes"})


def _recall(asked: Asked, classes: list[str]) -> Measure:
    index = _index("recall", asked, classes)
    if asked.at is not None:
        return _recall_at(asked.at.precision, asked, index)

    def found(labels: Array, answers: Array) -> NDArray[np.float64]:  # noqa: ARG001 - rows are of the class
        return np.asarray(answers.argmax(axis=1) == index, np.float64)

    def value(labels: Array, answers: Array) -> float:
        of_it = labels == index
        return float((answers[of_it].argmax(axis=1) == index).mean()) if of_it.any() else float("nan")

    return Measure(
        of_class("recall", asked),
        "higher",
        "points",
        "proportions",
        value,
        scores=found,
        rows=lambda labels: np.asarray(labels == index),
    )


def _recall_at(precision: float, asked: Asked, index: int) -> Measure:
    return Measure(
        f"{of_class('recall', asked)} at a precision of {precision:g}",
        "higher",
        "points",
        "resampled",
        lambda labels, answers: recall_at_precision(answers[:, index], labels == index, precision),
    )


def _precision(asked: Asked, classes: list[str]) -> Measure:
    index = _index("precision", asked, classes)

    def value(labels: Array, answers: Array) -> float:
        found = answers.argmax(axis=1) == index
        return float((labels[found] == index).mean()) if found.any() else 0.0

    return Measure(of_class("precision", asked), "higher", "points", "resampled", value)


def _index(name: str, asked: Asked, classes: list[str]) -> int:
    index = class_index(asked, classes)
    if index is None:
        raise ValueError(f"{name} is of one of the {len(classes)} classes: name it, or use per_class")
    return index


METRICS = {
    "recall": Metric("higher", _CLASSES, _recall, is_share=True, takes=frozenset({"class", "at"})),
    "precision": Metric("higher", _CLASSES, _precision, is_share=True, takes=frozenset({"class"})),
}
