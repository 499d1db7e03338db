"""The formulas of metrics that several tasks have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.quality import ClassMetrics

Scores = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.float64]]
"""Returns the score of each example, ``(n,)``, given labels and answers."""

CALIBRATION_BINS = 15
_SMALLEST = 1e-7
_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


def calibration_error(confidence: _Floats, right: NDArray[np.bool_]) -> float:
    """Returns the expected calibration error over 15 bins of equal width.

    The mean over bins of |accuracy - confidence|, weighted by examples (Guo et al., "On Calibration of Modern
    Neural Networks", ICML 2017, section 2).

    Args:
        confidence: The largest probability of each example, ``(n,)``.
        right: Whether its class is the true one, ``(n,)``.
    """
    gaps, bins = calibration_gaps(confidence, right)
    return float(np.abs(np.bincount(bins, weights=gaps, minlength=CALIBRATION_BINS)).sum() / len(confidence))


def calibration_gaps(confidence: _Floats, right: NDArray[np.bool_]) -> tuple[_Floats, NDArray[np.intp]]:
    """Returns of each example by how much it is right less its confidence, and its bin, ``(n,)`` both."""
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1)
    return np.asarray(right - confidence), bins


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


def log_loss(probabilities: _Floats, labels: _Ints) -> float:
    """Returns the mean negative log-likelihood of rows that are normalized and kept off zero.

    Args:
        probabilities: By class, ``(n, classes)``.
        labels: True class indices, ``(n,)``.
    """
    return float(log_losses(probabilities, labels).mean())


def log_losses(probabilities: _Floats, labels: _Ints) -> _Floats:
    """Returns the negative log-likelihood of each example, ``(n,)``; see ``log_loss``."""
    clipped = np.clip(probabilities, _SMALLEST, None)
    normalized = clipped / clipped.sum(axis=1, keepdims=True)
    return np.asarray(-np.log(normalized[np.arange(len(labels)), labels]))


def placements(score: _Floats, positive: NDArray[np.bool_]) -> _Floats:
    """Returns what each example adds to the area under the ROC curve, ``(n,)``, of which it is the mean.

    An example's placement is the share of the other kind that it is on the right side of. Weighted by the
    share of its own kind, its deviation from the area is DeLong's structural component: the variance of the
    mean of these numbers is DeLong's, and that of a difference his for two curves (E. R. DeLong, D. M. DeLong
    and D. L. Clarke-Pearson, Biometrics 44, 1988).

    Args:
        score: As for ``roc_auc``.
        positive: As for ``roc_auc``; where one of the values does not occur, all are one half.
    """
    n, positives = len(positive), int(positive.sum())
    if not 0 < positives < n:
        return np.full(n, 0.5)
    everywhere, within = _mid_ranks(score), np.empty(n)
    within[positive], within[~positive] = _mid_ranks(score[positive]), _mid_ranks(score[~positive])
    below = everywhere - within
    placed = np.where(positive, below / (n - positives), 1 - below / positives)
    area = float(placed[positive].mean())
    share = np.where(positive, positives, n - positives) / n
    return np.asarray(area + (placed - area) / share)


def _mid_ranks(values: _Floats) -> _Floats:
    """Returns ranks from 1, of which equal values share the mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def average_precision(score: _Floats, positive: NDArray[np.bool_]) -> float:
    """Returns the mean of the precisions at each positive example, by falling score, as scikit-learn does.

    Args:
        score: Larger where the positive class is more likely, ``(n,)``.
        positive: Whether the example is positive, ``(n,)``; one is.
    """
    recall, precision = _curve(score, positive)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def recall_at_precision(score: _Floats, positive: NDArray[np.bool_], precision: float) -> float:
    """Returns the largest recall of a threshold whose precision is at least as asked; 0 if there is none.

    Args:
        score: As for ``average_precision``.
        positive: As for ``average_precision``; ``nan`` where no example is.
        precision: Such as 0.9.
    """
    if not positive.any():
        return float("nan")
    recalls, precisions = _curve(score, positive)
    return float(recalls[precisions >= precision].max(initial=0.0))


def _curve(score: _Floats, positive: NDArray[np.bool_]) -> tuple[_Floats, _Floats]:
    """Returns recall and precision at every threshold that tells examples apart, by rising recall."""
    order = np.argsort(-score)  # of equal scores, the last one counts for all
    last = np.flatnonzero(np.diff(score[order], append=-np.inf))
    hits = np.cumsum(positive[order])[last]
    return hits / max(int(positive.sum()), 1), hits / (last + 1)


def class_metrics(hits: int, truly: int, predicted: int) -> ClassMetrics:
    """Returns precision, recall and F1 of a class; a ratio over no examples is 0, as in scikit-learn.

    Args:
        hits: Examples of the class that were found to be so.
        truly: Examples of the class.
        predicted: Examples that were found to be of it.
    """
    return ClassMetrics(
        precision=float(hits / predicted) if predicted else 0.0,
        recall=float(hits / truly) if truly else 0.0,
        f1=float(2 * hits / (truly + predicted)) if truly + predicted else 0.0,
        examples=int(truly),
    )
