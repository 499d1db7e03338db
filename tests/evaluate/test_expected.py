from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from evaluate.answers import FRAUD, frauds, numbers

from trimtab.artifacts.evaluation import Examples
from trimtab.config.budget import Budget
from trimtab.evaluate.demands import demands
from trimtab.evaluate.expected import Expectation
from trimtab.evaluate.limits import Split


def expectation(split: Split, before: Examples, test_examples: int = 4_000, **budget: Any) -> Expectation:
    (demand,) = demands(Budget.model_validate(budget), split)
    return Expectation(demand, split, before, test_examples)


@pytest.mark.parametrize(
    "limit",
    [
        {"metric": "accuracy", "max_drop": 0.05},
        {"metric": "log_loss", "max_increase": 0.1},
        {"metric": "balanced_accuracy", "max_drop": 0.1},
        {"metric": "roc_auc", "max_drop": 0.1},
        {"metric": "average_precision", "max_drop": 0.1},
    ],
    ids=lambda limit: limit["metric"],
)
def test_the_losses_are_such_that_their_mean_is_the_metrics(limit: dict[str, Any]) -> None:
    split, good, blind = frauds()
    (demand,) = demands(Budget.model_validate({"limits": [limit]}), split)
    losses = expectation(split, good, limits=[limit]).losses(blind)
    found = demand.test(split, good, blind, 0.95)
    assert losses.mean() == pytest.approx(found.loss, abs=0.01)


def test_blocks_stand_for_as_many_test_rows_as_they_have() -> None:
    split, good, blind = frauds(2_000)
    found = expectation(split, good, 4_000, limits=[{"metric": "macro_f1", "max_drop": 0.1}])
    assert found.losses(blind).shape == (40,)
    assert found.stake.examples == 80
    by_row = expectation(split, good, 4_000, limits=[{"metric": "accuracy", "max_drop": 0.1}])
    assert by_row.losses(blind).shape == (2_000,)
    assert by_row.stake.examples == 4_000


def test_of_a_class_the_test_has_the_share_that_validation_has() -> None:
    split, good, blind = frauds(2_000)
    found = expectation(split, good, 4_000, limits=[{"metric": "recall", "class": "fraud", "max_drop": 0.1}])
    frauds_seen = int(split.labels.sum())
    assert found.losses(blind).shape == (frauds_seen,)
    assert found.stake.examples == 2 * frauds_seen


def test_a_limit_alone_leaves_the_room_that_the_baseline_has() -> None:
    split, good, _ = frauds(2_000)
    found = expectation(split, good, limits=[{"metric": "accuracy", "min": 0.9}])
    assert found.stake.margin == pytest.approx(good.scores.mean() - 0.9)
    none = expectation(split, good, limits=[{"metric": "accuracy", "min": 0.9999}])
    assert none.stake.margin == pytest.approx(1e-3)


def test_a_root_is_bounded_by_its_square() -> None:
    split, before, after = numbers(0.04)
    found = expectation(split, before, limits=[{"metric": "rmse", "max_increase": 0.05}])
    assert found.stake.margin == pytest.approx(1.05**2 - 1)
    assert found.losses(after).mean() == pytest.approx(1.04**2 - 1, abs=1e-3)


def test_without_validation_rows_there_are_no_losses() -> None:
    split = frauds()[0]
    (demand,) = demands(Budget.model_validate({"limits": [{"metric": "roc_auc", "max_drop": 0.1}]}), split)
    nothing = Split("classification", FRAUD, 0, lambda: np.empty(0, np.int64))
    none = Examples(np.empty(0, np.float32), np.empty((0, 2), np.float32))
    found = Expectation(demand, nothing, none, 4_000)
    assert found.losses(none).shape == (0,)
    assert found.stake.examples == 4_000
