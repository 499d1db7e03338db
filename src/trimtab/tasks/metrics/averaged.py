"""Metrics that weigh every class alike, however rare it is."""

from __future__ import annotations

import numpy as np

from trimtab.tasks.metrics.base import Array, Asked, Floats, Form, Measure, Metric, decided

_CLASSES: frozenset[Form] = frozenset({"classes"})
_BOTH: frozenset[Form] = frozenset({"classes", "labels"})


def _balanced(labels: Array, answers: Array) -> float:
    """Returns the mean of the recalls of the classes that occur."""
    hits, truly, _ = _counts(labels, answers)
    present = truly > 0
    return float((hits[present] / truly[present]).mean()) if present.any() else float("nan")


def _macro_f1(labels: Array, answers: Array) -> float:
    """Returns the mean of the classes' F1; of a class that neither occurs nor is found, 0."""
    hits, truly, found = _counts(labels, answers)
    return float((2 * hits / np.maximum(truly + found, 1)).mean())


def _counts(labels: Array, answers: Array) -> tuple[Floats, Floats, Floats]:
    """Returns hits, examples and findings of every class, ``(classes,)`` each."""
    if labels.ndim == 2:
        there, told = decided(labels, answers)
        hits, truly, found = (each.sum(axis=0).astype(np.float64) for each in (there & told, there, told))
        return hits, truly, found
    predicted, classes = answers.argmax(axis=1), answers.shape[1]
    right = predicted == labels
    counts = (np.bincount(each, minlength=classes) for each in (labels[right], labels, predicted))
    hits, truly, found = (each.astype(np.float64) for each in counts)
    return hits, truly, found


def _make_balanced(asked: Asked, classes: list[str]) -> Measure:  # noqa: ARG001
    return Measure("balanced accuracy", "higher", "points", "resampled", _balanced)


def _make_macro_f1(asked: Asked, classes: list[str]) -> Measure:  # noqa: ARG001
    return Measure("macro F1", "higher", "points", "resampled", _macro_f1)


def _micro_f1(labels: Array, answers: Array) -> float:
    """Returns the F1 of all hits, misses and false alarms; of one class an example, the accuracy."""
    hits, truly, found = _counts(labels, answers)
    return float(2 * hits.sum() / max(truly.sum() + found.sum(), 1))


def _make_micro_f1(asked: Asked, classes: list[str]) -> Measure:  # noqa: ARG001
    return Measure("micro F1", "higher", "points", "resampled", _micro_f1)


METRICS = {
    "micro_f1": Metric("higher", _BOTH, _make_micro_f1, is_share=True),
    "balanced_accuracy": Metric("higher", _CLASSES, _make_balanced, is_share=True),
    "macro_f1": Metric("higher", _BOTH, _make_macro_f1, is_share=True),
}
