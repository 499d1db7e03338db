"""The share of examples that are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trimtab.tasks.metrics.base import Array, Asked, Form, Measure, Metric

if TYPE_CHECKING:
    from trimtab.tasks.metrics.base import Floats

_CLASSES: frozenset[Form] = frozenset({"classes"})


def _right(labels: Array, answers: Array) -> Floats:
    return np.asarray(answers.argmax(axis=1) == labels, np.float64)


def _share(name: str) -> Measure:
    return Measure(
        name, "higher", "points", "proportions", lambda y, p: float(_right(y, p).mean()), scores=_right
    )


def _accuracy(*_: object) -> Measure:
    return _share("accuracy")


def _top_k(asked: Asked, classes: list[str]) -> Measure:
    assert asked.k is not None
    if asked.k == 1:
        raise ValueError("the likeliest class alone is right as often as `accuracy` says: limit that")
    if asked.k >= len(classes):
        raise ValueError(f"every answer is among the {asked.k} likeliest of {len(classes)} classes")
    k = asked.k

    def among(labels: Array, answers: Array) -> Floats:
        """Returns 1 where fewer than k classes are likelier than the true one, of equals those before it."""
        true = np.take_along_axis(answers, labels[:, None], axis=1)
        before = (answers == true) & (np.arange(answers.shape[1]) < labels[:, None])
        return np.asarray(((answers > true) | before).sum(axis=1) < k, np.float64)

    return Measure(
        f"top-{k} accuracy",
        "higher",
        "points",
        "proportions",
        lambda labels, answers: float(among(labels, answers).mean()),
        scores=among,
    )


METRICS = {
    "accuracy": Metric("higher", _CLASSES, _accuracy, is_share=True),
    "top_k": Metric(
        "higher", _CLASSES, _top_k, is_share=True, takes=frozenset({"k"}), needs=frozenset({"k"})
    ),
}
