"""What the probabilities are worth."""

from __future__ import annotations

import numpy as np

from trimtab.tasks.metrics import formulas
from trimtab.tasks.metrics.base import Array, Floats, Form, Measure, Metric
from trimtab.tasks.metrics.left_out import Blocks

_CLASSES: frozenset[Form] = frozenset({"classes"})


def _brier_scores(labels: Array, answers: Array) -> Floats:
    """Returns the squared distance to the true class (G. W. Brier, Monthly Weather Review 78, 1950)."""
    true = np.arange(answers.shape[1]) == labels[:, None]
    return np.asarray(np.square(answers - true).sum(axis=1), np.float64)


def _calibration_error(labels: Array, answers: Array) -> float:
    return formulas.calibration_error(answers.max(axis=1), answers.argmax(axis=1) == labels)


def _calibration_errors(labels: Array, answers: Array, block: Blocks, blocks: int) -> Floats:
    """Returns the calibration error without each block, ``(blocks,)``."""
    gaps, place = formulas.calibration_gaps(answers.max(axis=1), answers.argmax(axis=1) == labels)
    width = formulas.CALIBRATION_BINS
    added = np.bincount(block * width + place, weights=gaps, minlength=blocks * width).reshape(blocks, width)
    left = len(block) - np.bincount(block, minlength=blocks)
    return np.asarray(np.abs(added.sum(axis=0) - added).sum(axis=1) / np.maximum(left, 1))


def _make_log_loss(*_: object) -> Measure:
    return _mean("log loss", lambda labels, answers: formulas.log_losses(answers, labels))


def _make_brier(*_: object) -> Measure:
    return _mean("Brier score", _brier_scores)


def _mean(name: str, scores: formulas.Scores) -> Measure:
    return Measure(
        name,
        "lower",
        "",
        "means",
        lambda labels, answers: float(scores(labels, answers).mean()),
        scores=scores,
    )


def _make_calibration_error(*_: object) -> Measure:
    return Measure(
        "expected calibration error",
        "lower",
        "",
        "resampled",
        _calibration_error,
        without=_calibration_errors,
        why_not="the expected calibration error of few examples in a bin is biased",
    )


METRICS = {
    "log_loss": Metric("lower", _CLASSES, _make_log_loss),
    "brier": Metric("lower", _CLASSES, _make_brier),
    "calibration_error": Metric("lower", _CLASSES, _make_calibration_error, is_share=True),
}
