"""Errors of numbers, in the label's unit; a loss is an increase relative to the baseline's."""

from __future__ import annotations

import numpy as np

from trimtab.tasks.metrics.base import Array, Asked, Floats, Form, Measure, Metric
from trimtab.tasks.metrics.formulas import Scores

_NUMBERS: frozenset[Form] = frozenset({"numbers"})


def _mae(asked: Asked, classes: list[str]) -> Measure:  # noqa: ARG001
    return _mean("mean absolute error", lambda labels, answers: np.abs(answers - labels))


def _rmse(asked: Asked, classes: list[str]) -> Measure:  # noqa: ARG001
    return _mean("root mean squared error", lambda labels, answers: np.square(answers - labels), root=2)


def _mape(asked: Asked, classes: list[str]) -> Measure:  # noqa: ARG001
    """Returns the mean of errors over labels; where a label is 0 there is none, and nan."""

    def shares(labels: Array, answers: Array) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(labels == 0, np.nan, np.abs((answers - labels) / labels)), np.float64)

    return _mean("mean absolute percentage error", shares)


def _quantile_loss(asked: Asked, classes: list[str]) -> Measure:  # noqa: ARG001
    """Returns the pinball loss (R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46, 1978)."""
    assert asked.quantile is not None
    quantile = asked.quantile

    def pinball(labels: Array, answers: Array) -> Floats:
        below = labels - answers
        return np.asarray(np.maximum(quantile * below, (quantile - 1) * below), np.float64)

    return _mean(f"quantile loss at {quantile:g}", pinball)


def _r2(asked: Asked, classes: list[str]) -> Measure:  # noqa: ARG001
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
    "mae": Metric("lower", _NUMBERS, _mae),
    "rmse": Metric("lower", _NUMBERS, _rmse),
    "mape": Metric("lower", _NUMBERS, _mape),
    "r2": Metric("higher", _NUMBERS, _r2),
    "quantile_loss": Metric(
        "lower", _NUMBERS, _quantile_loss, takes=frozenset({"quantile"}), needs=frozenset({"quantile"})
    ),
}
