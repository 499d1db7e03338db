"""A model of numbers learns by the errors that it is limited by."""

from __future__ import annotations

from typing import Any

import pytest

from trimtab.config.budget import Budget, of_labels
from trimtab.config.errors_learnt import errors_learnt
from trimtab.config.train import Train

RMSE = {"metric": "rmse", "max_increase": 0.05}
R2 = {"metric": "r2", "max_drop": 0.01}
MAE = {"metric": "mae", "max_increase": 0.05}
MAPE = {"metric": "mape", "max_increase": 0.05}


@pytest.mark.parametrize(
    ("budget", "loss", "expected"),
    [
        ({}, None, "absolute"),
        ({"limits": [RMSE]}, None, "squared"),
        ({"limits": [R2]}, None, "squared"),
        ({"limits": [R2, MAPE]}, None, "squared"),
        ({"limits": [MAE]}, None, "absolute"),
        ({"limits": [MAPE]}, None, "absolute"),
        ({"limits": [RMSE, MAE]}, None, "absolute"),
        ({"limits": [RMSE], "max_error_increase": 0.05}, None, "absolute"),
        ({"limits": [RMSE]}, "absolute", "absolute"),
        ({}, "huber", "huber"),
    ],
)
def test_of_one_label(budget: dict[str, Any], loss: str | None, expected: str) -> None:
    train = Train.model_validate({"loss": loss})
    assert errors_learnt(train, Budget.model_validate(budget)) == {"": expected}


def test_of_several_labels_each_has_its_own() -> None:
    budget = Budget.model_validate({"outputs": {"weight": {"limits": [RMSE]}}})
    labels = of_labels(budget, {"species": None, "weight": "regression", "age": "regression"})
    assert errors_learnt(Train(), labels) == {"species": "absolute", "weight": "squared", "age": "absolute"}
