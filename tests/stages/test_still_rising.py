"""The warning that a training ended too early: low, and still rising."""

from __future__ import annotations

import pytest

from trimtab.stages.making.still_rising import warnings
from trimtab.tasks.registry import task
from trimtab.train.history import History

SHARE, ERROR = (task(name).judging.headline for name in ("classification", "regression"))


def history(metric: str, values: list[float], **about: object) -> History:
    return History([{"epoch": at, metric: value} for at, value in enumerate(values, 1)], **about)  # type: ignore[arg-type]


def test_what_is_low_and_still_rising_is_said_with_what_to_do() -> None:
    (warning,) = warnings(
        history("accuracy", [0.3, 0.4, 0.45, 0.5, 0.52, 0.53, 0.54, 0.55, 0.56, 0.58]), SHARE
    )
    assert "accuracy on training rows is 58.00% after 10 epochs, and was 55.00% 2 before" in warning
    assert "train.epochs: 20" in warning


def test_an_error_that_still_falls_is_told_in_its_unit() -> None:
    (warning,) = warnings(history("mae", [9.0, 7.0, 5.0, 4.5, 4.0]), ERROR)
    assert "is 4 after 5 epochs, and was 4.5 1 before" in warning


@pytest.mark.parametrize(
    ("values", "about"),
    [
        ([0.5, 0.6, 0.7, 0.9, 0.95], {}),  # high
        ([0.5, 0.6, 0.7, 0.7, 0.705], {}),  # settled
        ([0.5, 0.55, 0.6, 0.65, 0.7], {"stopped_early": True, "best_epoch": 2}),
        ([0.5, 0.55, 0.6, 0.65, 0.7], {"best_epoch": 3}),  # overfits
        ([0.5], {}),
        ([], {}),
    ],
)
def test_nothing_is_said_otherwise(values: list[float], about: dict[str, object]) -> None:
    assert warnings(history("accuracy", values, **about), SHARE) == []


@pytest.mark.parametrize(("on_validation", "told"), [([0.74, 0.72, 0.70], 1), ([0.71, 0.72, 0.72], 0)])
def test_what_only_training_rows_gain_by_is_learnt_by_heart(on_validation: list[float], told: int) -> None:
    training = [0.6, 0.5, 0.45]
    epochs = [
        {"epoch": at, "mae": seen, "val_mae": unseen}
        for at, (seen, unseen) in enumerate(zip(training, on_validation, strict=True), 1)
    ]
    assert len(warnings(History(epochs, best_epoch=3), ERROR)) == told


def test_a_training_without_its_metric_is_left_alone() -> None:
    assert warnings(history("loss", [3.0, 2.0, 1.0]), SHARE) == []
