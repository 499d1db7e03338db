"""Where folds are named as a way to test more rows."""

from __future__ import annotations

from typing import Any

import pytest

from trimtab.config.config import Config
from trimtab.stages.reach import in_folds

ROWS = {"train": 70, "validation": 10, "test": 20}
LABELS = {"species": {}, "weight": {}}


@pytest.mark.parametrize(
    ("settings", "rows"),
    [
        ({}, 100),
        ({"data": {"validation": "more.csv"}}, 90),
        ({"data": {"test": "test.csv"}}, 0),
        ({"data": {"split": {"by": "time", "column": "at"}}}, 0),
        ({"data": {"labels": LABELS}, "model": {"architecture": "joined"}}, 0),
        ({"model": {"archive": "model.keras"}, "train": {"epochs": 0}}, 0),  # trained on who knows which rows
        ({"model": {"archive": "model.keras"}, "train": {"epochs": 3}}, 100),
    ],
)
def test_folds_are_counted_where_each_could_train_without_its_rows(
    settings: dict[str, Any], rows: int
) -> None:
    data = {"train": "rows.csv", **settings.get("data", {})}
    given = {"name": "few", "model": {"architecture": "mlp"}, **settings, "data": data}
    assert in_folds(Config.model_validate(given), ROWS) == rows
