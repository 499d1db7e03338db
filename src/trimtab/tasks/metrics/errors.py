"""Errors of numbers, in the label's unit; a loss is an increase relative to the baseline's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trimtab.tasks.metrics.base import Array, Asked, Floats, Form, Measure, Metric
from trimtab.tasks.metrics.formulas import Scores

_ROUNDING = 1e-6
_NUMBERS: frozenset[Form] = frozenset({"numbers"})


def _mae(*_: object) -> Measure:
    return _mean("mean absolute error", lambda labels, answers: np.abs(answers - labels))


def _rmse(*_: object) -> Measure:
    return _mean("root mean squared error", lambda labels, answers: np.square(answers - labels), root=2)


def _mape(*_: object) -> Measure:
    """Returns the mean of errors over labels, of those that are not 0: no error is a share of nothing."""

    def shares(labels: Array, answers: Array) -> Floats:
        return np.asarray(np.abs((answers - labels) / labels), np.float64)

    def are_not_0(labels: Array) -> NDArray[np.bool_]:
        """Returns which labels are not 0, but for the rounding of float32."""
        return np.asarray(np.abs(labels) > _ROUNDING * np.abs(labels).max(initial=0.0))

    return replace(_mean("mean absolute percentage error", shares), rows=are_not_0)


def _quantile_loss(asked: Asked, _: object) -> Measure:
    """Returns the pinball loss (R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46, 1978)."""
    assert asked.quantile is not None
    quantile = asked.quantile

    def pinball(labels: Array, answers: Array) -> Floats:
        below = labels - answers
        return np.asarray(np.maximum(quantile * below, (quantile - 1) * below), np.float64)

    return _mean(f"quantile loss at {quantile:g}", pinball)


def _r2(*_: object) -> Measure:
    return Measure("R²", "higher", "", "resampled", _r2_of)


def _r2_of(labels: Array, answers: Array) -> float:
    spread = float(np.square(labels - labels.mean()).sum())
    return 1 - float(np.square(answers - labels).sum()) / spread if spread else float("nan")


def _mean(name: str, scores: Scores, root: int = 1) -> Measure:
    return Measure(
        name,
        "lower",
        "%",
        "means",
        lambda labels, answers: float(scores(labels, answers).mean() ** (1 / root)),
        scores=scores,
        root=root,
    )


METRICS = {
    "mae": Metric("lower", _NUMBERS, _mae, error="absolute"),
    "rmse": Metric("lower", _NUMBERS, _rmse, error="squared"),
    "mape": Metric("lower", _NUMBERS, _mape),
    "r2": Metric("higher", _NUMBERS, _r2, error="squared"),
    "quantile_loss": Metric(
        "lower", _NUMBERS, _quantile_loss, takes=frozenset({"quantile"}), needs=frozenset({"quantile"})
    ),
}
