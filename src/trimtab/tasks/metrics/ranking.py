"""How well scores rank a class before the others; of several classes, the mean of each against the rest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.metrics import formulas
from trimtab.tasks.metrics.base import (
    Array,
    Asked,
    Bounded,
    Floats,
    Form,
    Measure,
    Metric,
    class_index,
    of_class,
)
from trimtab.tasks.metrics.base import positive as of_one
from trimtab.tasks.metrics.left_out import Blocks, areas, over_curves

_Ranked = Callable[[Floats, NDArray[np.bool_]], float]
_LeftOut = Callable[[Floats, NDArray[np.bool_], Blocks, int], Floats]


def _roc_auc(asked: Asked, classes: list[str]) -> Measure:
    return _ranked("ROC AUC", "area", formulas.roc_auc, areas, asked, classes)


def _average_precision(asked: Asked, classes: list[str]) -> Measure:
    return _ranked("average precision", "resampled", formulas.average_precision, _precisions, asked, classes)


def _precisions(score: Floats, positive: NDArray[np.bool_], block: Blocks, blocks: int) -> Floats:
    """Returns the average precision without each block, ``(blocks,)``; nan where a class is missing."""
    values = over_curves(_mean_precision, score, positive, block, blocks)
    negatives = (~positive).sum() - np.bincount(block[~positive], minlength=blocks)
    return np.asarray(np.where(negatives > 0, values, np.nan))


def _mean_precision(hits: Floats, precisions: Floats) -> Floats:
    """Returns the sum of the precisions at each hit: of hits down to a threshold, less those before it."""
    summed, before = (
        np.einsum("bt,bt->b", some, at)
        for some, at in ((hits, precisions), (hits[:, :-1], precisions[:, 1:]))
    )
    return np.asarray(summed - before)


def _ranked(
    name: str, bound: Bounded, formula: _Ranked, left_out: _LeftOut, asked: Asked, classes: list[str]
) -> Measure:
    index = class_index(asked, classes)
    if classes and index is None:
        return Measure(
            f"mean {name}",
            "higher",
            "",
            "resampled",
            lambda y, answers: _mean(formula, y, answers),
            ranks=True,
            without=lambda y, answers, block, blocks: _mean_without(left_out, y, answers, block, blocks),
        )

    def without(labels: Array, answers: Array, block: Blocks, blocks: int) -> Floats:
        return left_out(scores(labels, answers), positive(labels), block, blocks)

    def scores(_: Array, answers: Array) -> Floats:
        return np.asarray(answers if index is None else answers[:, index], np.float64)

    def value(labels: Array, answers: Array) -> float:
        return _where_both(formula, scores(labels, answers), positive(labels))

    def positive(labels: Array) -> NDArray[np.bool_]:
        return np.asarray(labels > 0) if index is None else of_one(labels, index)

    ranked = scores if bound == "area" else None
    return Measure(
        of_class(name, asked),
        "higher",
        "",
        bound,
        value,
        scores=ranked,
        positive=positive,
        ranks=True,
        without=without,
    )


def _mean(formula: _Ranked, labels: Array, answers: Array) -> float:
    """Returns the mean over the classes, or the labels, that some examples have and others do not."""
    columns = ((answers[:, index], of_one(labels, index)) for index in range(answers.shape[1]))
    values = [formula(scores.astype(np.float64), is_one) for scores, is_one in columns if _are_both(is_one)]
    return float(np.mean(values)) if values else float("nan")


def _mean_without(left_out: _LeftOut, labels: Array, answers: Array, block: Blocks, blocks: int) -> Floats:
    """Returns the same without each block, ``(blocks,)``."""
    columns = [
        left_out(answers[:, index].astype(np.float64), of_one(labels, index), block, blocks)
        for index in range(answers.shape[1])
    ]
    values = np.stack(columns, axis=1)
    known = np.isfinite(values).sum(axis=1)
    return np.asarray(np.where(known > 0, np.nansum(values, axis=1) / np.maximum(known, 1), np.nan))


def _where_both(formula: _Ranked, scores: Floats, positive: NDArray[np.bool_]) -> float:
    return formula(scores, positive) if _are_both(positive) else float("nan")


def _are_both(positive: NDArray[np.bool_]) -> bool:
    return bool(0 < positive.sum() < len(positive))


_FORMS: frozenset[Form] = frozenset({"classes", "labels", "scores"})
METRICS = {
    "roc_auc": Metric("higher", _FORMS, _roc_auc, takes=frozenset({"class"})),
    "average_precision": Metric("higher", _FORMS, _average_precision, takes=frozenset({"class"})),
}
