"""Quality of a candidate from its outputs on the test split."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.metrics import calibration_error, roc_auc
from trimtab.tasks.quality import Quality
from trimtab.tasks.registry import task

__all__ = ["calibration_error", "classification", "regression", "roc_auc"]


@dataclass(frozen=True)
class _Target:
    classes: list[str] = field(default_factory=list)
    label_mean: float = 0.0
    label_std: float = 1.0


def classification(outputs: NDArray[np.floating], labels: NDArray[np.int64], classes: list[str]) -> Quality:
    """Returns the quality of class probabilities."""
    return task("classification").judging.quality(outputs, labels, _Target(classes))


def regression(
    outputs: NDArray[np.floating], labels: NDArray[np.floating], mean: float, std: float
) -> Quality:
    """Returns the quality of predicted values, in the label's unit."""
    return task("regression").judging.quality(outputs, labels, _Target([], mean, std))
