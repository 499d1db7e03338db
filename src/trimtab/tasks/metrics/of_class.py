"""Recall and precision of one class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.metrics.base import (
    Array,
    Asked,
    Form,
    Measure,
    Metric,
    class_index,
    of_class,
    of_index,
    positive,
)
from trimtab.tasks.metrics.formulas import recall_at_precision
from trimtab.tasks.metrics.left_out import Blocks, by_class, over_curves

_FORMS: frozenset[Form] = frozenset({"classes", "labels"})


def _recall(asked: Asked, classes: list[str]) -> Measure:
    index = _index("recall", asked, classes)
    if asked.at is not None:
        return _recall_at(asked.at.precision, asked, index)

    def scores(labels: Array, answers: Array) -> NDArray[np.float64]:
        return of_index(labels, answers, index)[1].astype(np.float64)

    def value(labels: Array, answers: Array) -> float:
        of_it, told = of_index(labels, answers, index)
        return float(told[of_it].mean()) if of_it.any() else float("nan")

    return Measure(
        of_class("recall", asked),
        "higher",
        "points",
        "proportions",
        value,
        scores=scores,
        rows=lambda labels: positive(labels, index),
    )


def _recall_at(precision: float, asked: Asked, index: int) -> Measure:
    def without(labels: Array, answers: Array, block: Blocks, blocks: int) -> NDArray[np.float64]:
        return over_curves(best, answers[:, index], positive(labels, index), block, blocks)

    def best(hits: NDArray[np.float64], precisions: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.where(precisions >= precision, hits, 0.0).max(axis=1, initial=0.0))

    return Measure(
        f"{of_class('recall', asked)} at a precision of {precision:g}",
        "higher",
        "points",
        "resampled",
        lambda labels, answers: recall_at_precision(answers[:, index], positive(labels, index), precision),
        ranks=True,
        without=without,
    )


def _precision(asked: Asked, classes: list[str]) -> Measure:
    index = _index("precision", asked, classes)

    def value(labels: Array, answers: Array) -> float:
        of_it, told = of_index(labels, answers, index)
        return float(of_it[told].mean()) if told.any() else 0.0

    def without(labels: Array, answers: Array, block: Blocks, blocks: int) -> NDArray[np.float64]:
        hits, _, findings = (each[:, index] for each in by_class(labels, answers, block, blocks))
        return np.asarray(hits / np.maximum(findings, 1))

    return Measure(of_class("precision", asked), "higher", "points", "resampled", value, without=without)


def _index(name: str, asked: Asked, classes: list[str]) -> int:
    index = class_index(asked, classes)
    if index is None:
        raise ValueError(f"{name} is of one of the {len(classes)} classes: name it, or use per_class")
    return index


METRICS = {
    "recall": Metric("higher", _FORMS, _recall, is_share=True, takes=frozenset({"class", "at"})),
    "precision": Metric("higher", _FORMS, _precision, is_share=True, takes=frozenset({"class"})),
}
