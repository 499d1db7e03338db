from typing import Any

import pytest

from trimtab.config.data import Data
from trimtab.data.reference import Reference
from trimtab.data.schema import Column, DatasetSchema, TensorSpec
from trimtab.data.seen import sides_changed, warning


def _schema(*names: str) -> DatasetSchema:
    return DatasetSchema(
        task="regression",
        label="y",
        columns=[Column(name=name, kind="numeric") for name in names],
        input=TensorSpec(kind="tabular", shape=(len(names),), stored_dtype="float32"),
        preprocessing={},
    )


def _warnings(now: dict[str, Any], before: dict[str, Any] | None, names: tuple[str, ...] = ("a", "b")) -> str:
    then = Data.model_validate({"train": "old.csv"} | before) if before is not None else None
    champion = Reference(_schema("a", "b"), None, then)
    config = Data.model_validate({"train": "new.csv"} | now)
    return "".join(warning(sides_changed(champion, _schema(*names), config)))


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ({}, {}),
        ({}, None),
        ({"split": {"test": 0.1}}, {"split": {"test": 0.2}}),
        ({"split": {"validation": 0.3}}, {}),
        ({"test": "test.csv"}, {"test": "old.csv"}),
        ({"test": "test.csv", "group_by": "g"}, {"test": "old.csv"}),
        ({"group_by": "g"}, {"group_by": "g"}),
    ],
)
def test_the_same_sides_are_no_warning(now: dict[str, Any], before: dict[str, Any] | None) -> None:
    assert _warnings(now, before) == ""


@pytest.mark.parametrize(
    ("now", "before", "reason"),
    [
        ({}, {"test": "old.csv"}, "data.test was given"),
        ({"test": "test.csv"}, {}, "data.test was not given"),
        ({"split": {"test": 0.3}}, {}, "data.split.test was 0.2"),
        ({"group_by": "g"}, {}, "data.group_by was not set"),
        ({}, {"group_by": "g"}, "data.group_by was g"),
    ],
)
def test_other_sides_are_a_warning(now: dict[str, Any], before: dict[str, Any], reason: str) -> None:
    assert f"({reason})" in _warnings(now, before)


def test_other_columns_are_other_sides_unless_groups_decide() -> None:
    assert "the input columns have changed" in _warnings({}, None, ("a", "c"))
    assert _warnings({}, None, ("b", "a")) == ""
    assert _warnings({"group_by": "g"}, {"group_by": "g"}, ("a", "c")) == ""
    assert _warnings({"test": "test.csv"}, None, ("a", "c")) == ""
