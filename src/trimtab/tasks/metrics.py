"""Metrics that several tasks have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.quality import ClassMetrics

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


def log_loss(probabilities: _Floats, labels: _Ints) -> float:
    """Returns the mean negative log-likelihood of rows that are normalized and kept off zero.

    Args:
        probabilities: By class, ``(n, classes)``.
        labels: True class indices, ``(n,)``.
    """
    clipped = np.clip(probabilities, _SMALLEST, None)
    normalized = clipped / clipped.sum(axis=1, keepdims=True)
    return float(-np.log(normalized[np.arange(len(labels)), labels]).mean())


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
