"""How well the labels of a row are told, and each label over the rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.headline import Mean
from trimtab.tasks.metrics.base import Form, View
from trimtab.tasks.metrics.formulas import average_precision, class_metrics
from trimtab.tasks.metrics.several import sample_f1
from trimtab.tasks.quality import Quality

if TYPE_CHECKING:
    from trimtab.tasks.base import Array, Floats, Target

HEADLINE = Mean("sample_f1", "F1 score of an example")
USUAL_THRESHOLD = 0.5
_SMALLEST = 1e-7
_MOST_ROUNDS = 10
_Bools = NDArray[np.bool_]


class Judging:
    """See ``base.Judging``."""

    headline = HEADLINE
    form: Form = "labels"

    def answers(self, inputs: Array, outputs: Floats) -> Floats:  # noqa: ARG002
        """Returns the outputs."""
        return outputs

    def view(self, outputs: Floats, labels: NDArray[Any], target: Target, model_target: Target) -> View:
        """Returns probabilities in the order of the data's labels, stretched: a half is every threshold.

        So each label's rows keep their order, and whoever judges them needs no thresholds. A label that the
        model does not know has a probability of 0; one more place, which never applies, has those that the
        data does not know.
        """
        places = {name: place for place, name in enumerate(model_target.classes)}
        stretched = _stretched(outputs.astype(np.float64), model_target)
        known = [places.get(name) for name in target.classes]
        columns = [np.zeros(len(outputs)) if place is None else stretched[:, place] for place in known]
        if others := [place for place in range(len(model_target.classes)) if place not in known]:
            columns.append(stretched[:, others].max(axis=1))
            labels = np.column_stack([labels, np.zeros(len(labels), labels.dtype)])
        return View(labels, np.stack(columns, axis=1))

    def thresholds(self, outputs: Floats, labels: NDArray[Any], target: Target) -> list[float]:  # noqa: ARG002
        """Returns the thresholds with the best mean F1 score of an example over the validation rows.

        One label after the other gets its best threshold, given those of the others, until none changes: a
        coordinate ascent from a half on (R.-E. Fan and C.-J. Lin, "A Study on Threshold Selection for
        Multi-label Classification", 2007). Of several equal ones it is the nearest to a half. A label that
        the model cannot tell is so given to all or to none, whichever costs less.
        """
        truly, told = labels > 0, outputs >= USUAL_THRESHOLD
        chosen = np.full(truly.shape[1], USUAL_THRESHOLD)
        common, both = (truly & told).sum(axis=1), truly.sum(axis=1) + told.sum(axis=1)
        for _ in range(_MOST_ROUNDS):
            before = chosen.copy()
            for k in range(len(chosen)):
                common, both = common - (truly[:, k] & told[:, k]), both - told[:, k]
                gains = _f1(common + truly[:, k], both + 1) - _f1(common, both)
                chosen[k] = _best_threshold(outputs[:, k].astype(np.float64), gains)
                told[:, k] = outputs[:, k] >= chosen[k].astype(outputs.dtype)
                common, both = common + (truly[:, k] & told[:, k]), both + told[:, k]
            if (chosen == before).all():
                break
        return [float(threshold) for threshold in chosen]

    def scores(
        self, outputs: Floats, labels: NDArray[Any], target: Target, model_target: Target
    ) -> NDArray[np.float64]:
        """Returns the F1 score of every example: see ``metrics.several.sample_f1``.

        A label that only the model knows is always wrong where it is told, as is the lack of one that only
        the data has.
        """
        view = self.view(outputs, labels, target, model_target)
        return sample_f1(view.labels, view.answers)

    def quality(self, outputs: Floats, labels: NDArray[Any], target: Target) -> Quality:
        """Returns F1 by example and by label, average precision, and what the probabilities are worth."""
        told, truly = decided(outputs, target), labels > 0
        scores = self.scores(outputs, labels, target, target)
        hits, findings, there = (told & truly).sum(axis=0), told.sum(axis=0), truly.sum(axis=0)
        counted = zip(target.classes, hits, there, findings, strict=True)
        per_class = {name: class_metrics(*counts) for name, *counts in counted}
        probabilities = outputs.astype(np.float64)
        precisions = [average_precision(probabilities[:, k], truly[:, k]) for k in np.flatnonzero(there)]
        metrics = {
            HEADLINE.metric: float(scores.mean()),
            "accuracy": float((told == truly).all(axis=1).mean()),
            "hamming_loss": float((told != truly).mean()),
            "macro_f1": float(np.mean([entry.f1 for entry in per_class.values()])),
            "micro_f1": float(2 * hits.sum() / max(findings.sum() + there.sum(), 1)),
            "mean_average_precision": float(np.mean(precisions)) if precisions else 0.0,
            "log_loss": _log_loss(probabilities, truly),
        }
        return Quality(metrics, scores.astype(np.float32), per_class)

    def no_better_than_a_constant(self, scores: Floats, labels: NDArray[Any], target: Target) -> str:
        """Returns a warning if the model is not clearly better than the same most frequent labels for all."""
        constant = _best_constant(labels > 0)
        gains = scores - constant
        # One-sided, at 95 %, by the normal approximation: on few examples, chance alone can look better.
        if gains.mean() > 1.645 * gains.std() / math.sqrt(len(gains)):
            return ""
        named = ", ".join(_most_frequent(labels > 0, target)[:5])
        return (
            f"the model's mean F1 score on {len(labels)} validation examples is {scores.mean():.1%}, not "
            f"clearly more than always giving the most frequent labels, such as {named} "
            f"({constant.mean():.1%})."
        )


def decided(outputs: Floats, target: Target) -> _Bools:
    """Returns which labels an output means, ``(n, classes)``.

    Args:
        outputs: Probabilities, ``(n, classes)``.
        target: What they mean, with the thresholds of the model.
    """
    return np.asarray(outputs >= np.asarray(target.thresholds or [USUAL_THRESHOLD], outputs.dtype))


def _stretched(probabilities: NDArray[np.float64], model_target: Target) -> NDArray[np.float64]:
    threshold = np.clip(model_target.thresholds or [USUAL_THRESHOLD], _SMALLEST, 1 - _SMALLEST)
    below = USUAL_THRESHOLD * probabilities / threshold
    above = 1 - USUAL_THRESHOLD * (1 - probabilities) / (1 - threshold)
    return np.asarray(np.where(probabilities >= threshold, above, below))


def _f1(common: NDArray[Any], both: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(np.where(both, 2 * common / np.maximum(both, 1), 1.0), np.float64)


def _best_threshold(probability: NDArray[np.float64], gains: NDArray[np.float64]) -> float:
    """Returns from which probability on a label is given, so that rows gain the most together."""
    order = np.argsort(-probability, kind="stable")
    edges = np.concatenate([[1 + _SMALLEST], probability[order], [-_SMALLEST]])
    low, high = edges[1:], edges[:-1]  # the threshold is above the one, and at most the other
    apart = low < high  # rows with one probability are given the label together
    total = np.concatenate([[0.0], np.cumsum(gains[order])])[apart]
    low, high = low[apart], high[apart]
    is_usual = (low < USUAL_THRESHOLD) & (high >= USUAL_THRESHOLD)
    middles = np.where(is_usual, USUAL_THRESHOLD, (low + high) / 2)
    middles = middles[total >= total.max() - _SMALLEST]
    return float(middles[np.abs(middles - USUAL_THRESHOLD).argmin()])


def _best_constant(truly: _Bools) -> NDArray[np.float64]:
    """Returns the scores of the constant answer with the best mean, among the k most frequent labels."""
    ordered = truly[:, np.argsort(-truly.sum(axis=0), kind="stable")]
    common, given = np.cumsum(ordered, axis=1), np.arange(1, truly.shape[1] + 1)
    scores = 2 * common / (given + truly.sum(axis=1, keepdims=True))
    nothing = (~truly.any(axis=1)).astype(np.float64)
    every = np.column_stack([nothing, scores])
    return np.asarray(every[:, every.mean(axis=0).argmax()])


def _most_frequent(truly: _Bools, target: Target) -> list[str]:
    return [target.classes[place] for place in np.argsort(-truly.sum(axis=0), kind="stable")]


def _log_loss(probabilities: NDArray[np.float64], truly: _Bools) -> float:
    right = np.where(truly, probabilities, 1 - probabilities)
    return float(-np.log(np.clip(right, _SMALLEST, 1)).mean())
