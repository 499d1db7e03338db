"""How well the labels of a row are told, where it may have several."""

from __future__ import annotations

import numpy as np

from trimtab.tasks.metrics.base import Array, Floats, Form, Measure, Metric, decided

_LABELS: frozenset[Form] = frozenset({"labels"})


def sample_f1(labels: Array, answers: Array) -> Floats:
    """Returns the F1 score of each example, ``(n,)``: of its own labels and those that it was told to have.

    Twice the labels in common over those of both, and 1 where neither has any (S. Godbole and S. Sarawagi,
    "Discriminative Methods for Multi-labeled Classification", PAKDD 2004).
    """
    truly, told = decided(labels, answers)
    both = truly.sum(axis=1) + told.sum(axis=1)
    return np.asarray(np.where(both, 2 * (truly & told).sum(axis=1) / np.maximum(both, 1), 1.0))


def _sample_f1(*_: object) -> Measure:
    return Measure(
        "F1 score of an example",
        "higher",
        "points",
        "means",
        lambda labels, answers: float(sample_f1(labels, answers).mean()),
        scores=sample_f1,
    )


METRICS = {"sample_f1": Metric("higher", _LABELS, _sample_f1, is_share=True)}
