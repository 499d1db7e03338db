"""Metrics that weigh every class alike, however rare it is."""

from __future__ import annotations

import numpy as np

from trimtab.tasks.metrics.base import Array, Floats, Form, Measure, Metric, decided
from trimtab.tasks.metrics.left_out import Blocks, Counts, by_class

_CLASSES: frozenset[Form] = frozenset({"classes"})
_BOTH: frozenset[Form] = frozenset({"classes", "labels"})


def _balanced(hits: Floats, truly: Floats, _: Floats) -> Floats:
    """Returns the mean of the recalls of the classes that occur."""
    present = (truly > 0).sum(axis=-1)
    recalls = (hits / np.maximum(truly, 1)).sum(axis=-1)
    return np.asarray(np.where(present > 0, recalls / np.maximum(present, 1), np.nan))


def _macro_f1(hits: Floats, truly: Floats, findings: Floats) -> Floats:
    """Returns the mean of the classes' F1; of a class that neither occurs nor is found, 0."""
    return np.asarray((2 * hits / np.maximum(truly + findings, 1)).mean(axis=-1))


def _counts(labels: Array, answers: Array) -> tuple[Floats, Floats, Floats]:
    """Returns hits, examples and findings of every class, ``(classes,)`` each."""
    if labels.ndim == 2:
        there, told = decided(labels, answers)
        hits, truly, findings = (each.sum(axis=0).astype(np.float64) for each in (there & told, there, told))
        return hits, truly, findings
    predicted, classes = answers.argmax(axis=1), answers.shape[1]
    right = predicted == labels
    counts = (np.bincount(each, minlength=classes) for each in (labels[right], labels, predicted))
    hits, truly, findings = (each.astype(np.float64) for each in counts)
    return hits, truly, findings


def _make_balanced(*_: object) -> Measure:
    return _of_counts("balanced accuracy", _balanced)


def _make_macro_f1(*_: object) -> Measure:
    return _of_counts("macro F1", _macro_f1)


def _micro_f1(hits: Floats, truly: Floats, findings: Floats) -> Floats:
    """Returns the F1 of all hits, misses and false alarms; of one class an example, the accuracy."""
    return np.asarray(2 * hits.sum(axis=-1) / np.maximum(truly.sum(axis=-1) + findings.sum(axis=-1), 1))


def _make_micro_f1(*_: object) -> Measure:
    return _of_counts("micro F1", _micro_f1)


def _of_counts(name: str, formula: Counts) -> Measure:
    def value(labels: Array, answers: Array) -> float:
        return float(formula(*_counts(labels, answers)))

    def without(labels: Array, answers: Array, block: Blocks, blocks: int) -> Floats:
        return formula(*by_class(labels, answers, block, blocks))

    return Measure(name, "higher", "points", "resampled", value, without=without)


METRICS = {
    "micro_f1": Metric("higher", _BOTH, _make_micro_f1, is_share=True),
    "balanced_accuracy": Metric("higher", _CLASSES, _make_balanced, is_share=True),
    "macro_f1": Metric("higher", _BOTH, _make_macro_f1, is_share=True),
}
