"""Quality of a candidate from its outputs on the test split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.evaluation import ClassMetrics

CALIBRATION_BINS = 15
_SMALLEST = 1e-7
_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Quality:
    """What the outputs say of a candidate.

    Attributes:
        metrics: By name, as in ``Evaluation.metrics``.
        scores: Per example, ``(n,)``: 1 where right, else 0; for regression the absolute error in the
            label's unit. The paired proof works on them.
        per_class: By class name.
        confusion: Rows are true classes, columns predicted ones.
    """

    metrics: dict[str, float]
    scores: NDArray[np.float32]
    per_class: dict[str, ClassMetrics]
    confusion: list[list[int]]


def classification(outputs: NDArray[np.floating], labels: _Ints, classes: list[str]) -> Quality:
    """Returns the quality of class probabilities.

    Args:
        outputs: Probabilities, ``(n, classes)``; finite.
        labels: True class indices, ``(n,)``.
        classes: Names of the classes.
    """
    probabilities = outputs.astype(np.float64)
    predicted = probabilities.argmax(axis=1)
    right = predicted == labels
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    per_class = _per_class(confusion, classes)
    present = [entry for entry in per_class.values() if entry.examples]
    metrics = {
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean([entry.recall for entry in present])),
        "macro_f1": float(np.mean([entry.f1 for entry in per_class.values()])),
        "log_loss": _log_loss(probabilities, labels),
        "calibration_error": calibration_error(probabilities.max(axis=1), right),
    }
    if len(classes) == 2 and len(present) == 2:
        metrics["roc_auc"] = roc_auc(probabilities[:, 1], labels == 1)
    return Quality(metrics, right.astype(np.float32), per_class, confusion.tolist())


def regression(
    outputs: NDArray[np.floating], labels: NDArray[np.floating], mean: float, std: float
) -> Quality:
    """Returns the quality of predicted values, in the label's unit.

    Args:
        outputs: Standardized predictions, ``(n, 1)``; finite.
        labels: Standardized labels, ``(n,)``.
        mean: The label's mean on the training split.
        std: The label's standard deviation on the training split.
    """
    truth = labels.astype(np.float64) * std + mean
    error = outputs[:, 0].astype(np.float64) * std + mean - truth
    variance = float(np.var(truth))
    metrics = {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "mae": float(np.mean(np.abs(error))),
        "r2": 1.0 - float(np.mean(error**2)) / variance if variance else 0.0,
    }
    return Quality(metrics, np.abs(error).astype(np.float32), {}, [])


def calibration_error(confidence: _Floats, right: NDArray[np.bool_]) -> float:
    """Returns the expected calibration error over 15 bins of equal width.

    The mean over bins of |accuracy - confidence|, weighted by examples (Guo et al., "On Calibration of Modern
    Neural Networks", ICML 2017, section 2).

    Args:
        confidence: The largest probability of each example, ``(n,)``.
        right: Whether its class is the true one, ``(n,)``.
    """
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=right - confidence, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def roc_auc(score: _Floats, positive: NDArray[np.bool_]) -> float:
    """Returns the area under the ROC curve, by mean ranks (ties count a half: Mann and Whitney, 1947).

    Args:
        score: Larger where the positive class is more likely, ``(n,)``.
        positive: Whether the example is positive, ``(n,)``; both values occur.
    """
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    positives, negatives = int(positive.sum()), int((~positive).sum())
    above = float(ranks[positive].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def _log_loss(probabilities: _Floats, labels: _Ints) -> float:
    """Returns the mean negative log-likelihood of rows that are normalized and kept off zero."""
    clipped = np.clip(probabilities, _SMALLEST, None)
    normalized = clipped / clipped.sum(axis=1, keepdims=True)
    return float(-np.log(normalized[np.arange(len(labels)), labels]).mean())


def _per_class(confusion: _Ints, classes: list[str]) -> dict[str, ClassMetrics]:
    """Returns precision, recall and F1 by class; a ratio over no examples is 0, as in scikit-learn."""
    found: dict[str, ClassMetrics] = {}
    for index, name in enumerate(classes):
        hits, truly, predicted = confusion[index, index], confusion[index].sum(), confusion[:, index].sum()
        found[name] = ClassMetrics(
            precision=float(hits / predicted) if predicted else 0.0,
            recall=float(hits / truly) if truly else 0.0,
            f1=float(2 * hits / (truly + predicted)) if truly + predicted else 0.0,
            examples=int(truly),
        )
    return found
