"""What a budget asks of a candidate's answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from evaluate.answers import FRAUD, N, Target, asked, frauds, made, numbers, stands

from trimtab.config.budget import Budget
from trimtab.errors import ConfigError, DataError
from trimtab.evaluate import significance
from trimtab.evaluate.demands import demands, headline_limit
from trimtab.evaluate.limits import Split


def test_the_short_form_is_the_limit_that_the_drop_of_a_candidate_is_about() -> None:
    split, good, blind = frauds()
    (found,) = stands(split, good, blind, max_accuracy_drop=0.05).values()
    drop = significance.drop(good.scores, blind.scores, 0.95, "classification")
    assert (found.loss, found.upper_bound) == (drop.observed, drop.upper_bound)
    assert found.baseline == pytest.approx(good.scores.mean())
    assert not found.holds
    (same,) = stands(split, good, blind, limits=[{"metric": "accuracy", "max_drop": 0.05}]).values()
    assert same == found


def test_per_class_is_a_limit_for_each_class() -> None:
    split, good, blind = frauds()
    found = stands(split, good, blind, per_class={"metric": "recall", "max_drop": 0.05})
    assert {name: test.holds for name, test in found.items()} == {
        "recall of fine": True,
        "recall of fraud": False,
    }


def test_every_limit_holds_for_each_slice_too() -> None:
    split, good, _ = frauds()
    north = np.array([region == "north" for region in split.slices["region"].to_pylist()])
    spoilt = made(split, np.where(north, 1 - good.answers[:, 1], good.answers[:, 1]))
    found = stands(
        split, good, spoilt, max_accuracy_drop=0.5, slices=["region", {"column": "age", "bins": [30]}]
    )
    assert {name: test.holds for name, test in found.items()} == {
        "accuracy": True,
        "accuracy where region = north": False,
        "accuracy where region = south": True,
        "accuracy where age < 30": True,
        "accuracy where age >= 30": True,
    }
    drop = significance.drop(good.scores[north], spoilt.scores[north], 0.95, "classification")
    assert found["accuracy where region = north"].upper_bound == drop.upper_bound


def test_a_slice_may_have_limits_of_its_own() -> None:
    split, *_ = frauds()
    slices = [{"column": "region", "limits": [{"metric": "roc_auc", "max_drop": 0.02}]}]
    found = asked(split, max_accuracy_drop=0.1, slices=slices)
    assert [one.limit.name for one in found] == [
        "accuracy",
        "ROC AUC where region = north",
        "ROC AUC where region = south",
    ]


def test_limits_that_are_called_the_same_are_told_apart() -> None:
    split, good, blind = frauds()
    limits = [
        {"metric": "accuracy", "min": 0.95},
        {"metric": "accuracy", "max_drop": 0.3},
        {"metric": "accuracy", "max_drop": 0.3},
    ]
    found = stands(split, good, blind, max_accuracy_drop=0.05, limits=limits)
    assert {name: test.holds for name, test in found.items()} == {
        "accuracy": False,
        "accuracy (2)": False,
        "accuracy (3)": True,
    }


def test_limits_of_every_class_hold_for_slices_where_there_are_no_others() -> None:
    split, *_ = frauds()
    found = asked(split, per_class={"metric": "recall", "max_drop": 0.05}, slices=["region"])
    assert len(found) == 6
    assert found[-1].limit.name == "recall of fraud where region = south"


def test_a_limit_of_every_class_where_there_are_none_is_a_typed_error() -> None:
    with pytest.raises(ConfigError, match="recall does not judge regression"):
        asked(numbers(0.0)[0], per_class={"metric": "recall", "max_drop": 0.05})


THEFT = {"metric": "recall", "class": "theft", "min": 0.5}


@pytest.mark.parametrize(
    ("budget", "error", "message"),
    [
        (
            {"limits": [{"metric": "recall", "class": "theft", "min": 0.5}]},
            ConfigError,
            "there is no class 'theft'",
        ),
        ({"limits": [{"metric": "mae", "max": 0.5}]}, ConfigError, "mae does not judge classification"),
        ({"slices": ["age"]}, DataError, "more than 50 slices"),
        (
            {"slices": [{"column": "region", "bins": [3]}]},
            DataError,
            "none of its values in the",
        ),
    ],
)
def test_what_the_data_has_no_place_for_is_a_typed_error(budget: Any, error: Any, message: str) -> None:
    split, *_ = frauds()
    slices = {**split.slices, "age": pa.array([str(i % 60) for i in range(N)])}
    split = Split(split.task, split.target, N, split.read, slices)
    with pytest.raises(error, match=message):
        asked(split, **budget)


def test_a_class_without_test_rows_is_told() -> None:
    split, *_ = frauds()
    target = Target([*FRAUD.classes, "theft"])
    split = Split(split.task, target, N, split.read)
    with pytest.raises(DataError, match="no test row is of it, so that recall of theft cannot be judged"):
        asked(split, per_class={"metric": "recall", "max_drop": 0.1})


def test_the_tasks_own_limit_is_the_smallest_that_is_set() -> None:
    found = headline_limit(
        Budget.model_validate(
            {"max_accuracy_drop": 0.02, "limits": [{"metric": "accuracy", "max_drop": 0.01}]}
        ),
        "classification",
    )
    assert found is not None
    assert found.max_loss == 0.01
    only = Budget.model_validate({"limits": [{"metric": "roc_auc", "max_drop": 0.01}]})
    assert headline_limit(only, "classification") is None
    assert demands(only, frauds()[0])[0].limit.metric == "roc_auc"
