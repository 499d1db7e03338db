"""Errors in the label's unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.headline import Error
from trimtab.tasks.metrics.base import Form, View
from trimtab.tasks.quality import Quality

if TYPE_CHECKING:
    from trimtab.tasks.base import Array, Floats, Target

HEADLINE = Error("mae", "mean absolute error")


class Judging:
    """See ``base.Judging``."""

    headline = HEADLINE
    form: Form = "numbers"

    def answers(self, inputs: Array, outputs: Floats) -> Floats:  # noqa: ARG002
        """Returns the outputs."""
        return outputs

    def view(self, outputs: Floats, labels: NDArray[Any], target: Target, model_target: Target) -> View:
        """Returns both in the label's unit."""
        return View(_in_unit(labels, target), _in_unit(outputs[:, 0], model_target))

    def thresholds(self, outputs: Floats, labels: NDArray[Any], target: Target) -> list[float]:  # noqa: ARG002
        """Returns none."""
        return []

    def scores(
        self, outputs: Floats, labels: NDArray[Any], target: Target, model_target: Target
    ) -> NDArray[np.float64]:
        """Returns absolute errors in the label's unit."""
        return np.abs(_errors(outputs, labels, target, model_target))

    def quality(self, outputs: Floats, labels: NDArray[Any], target: Target) -> Quality:
        """Returns rmse and mae in the label's unit, and r2."""
        error = _errors(outputs, labels, target, target)
        variance = float(np.var(_in_unit(labels, target)))
        metrics = {
            "rmse": float(np.sqrt(np.mean(error**2))),
            "mae": float(np.mean(np.abs(error))),
            "r2": 1.0 - float(np.mean(error**2)) / variance if variance else 0.0,
        }
        return Quality(metrics, np.abs(error).astype(np.float32))

    def no_better_than_a_constant(self, scores: Floats, labels: NDArray[Any], target: Target) -> str:
        """See ``base.Judging.no_better_than_a_constant``."""
        constant = float(np.abs(labels - np.median(labels)).mean() * target.label_std)
        if scores.mean() < constant:
            return ""
        return (
            f"the model's mean absolute error on validation is {scores.mean():.4g}; always "
            f"guessing the median gives {constant:.4g}."
        )


def _errors(
    outputs: Floats, labels: NDArray[Any], target: Target, model_target: Target
) -> NDArray[np.float64]:
    return _in_unit(outputs[:, 0], model_target) - _in_unit(labels, target)


def _in_unit(values: NDArray[Any], target: Target) -> NDArray[np.float64]:
    return values.astype(np.float64) * target.label_std + target.label_mean
