from __future__ import annotations

import pytest

from trimtab.artifacts.dataset import DatasetSummary
from trimtab.config.budget import Budget
from trimtab.config.limits import Limit
from trimtab.stages import rare


def summary(task: str = "classification", **counts: int) -> DatasetSummary:
    return DatasetSummary(
        rows={"test": sum(counts.values())},
        task=task,
        fingerprint="",
        warnings=[],
        class_counts={"test": counts},
    )


@pytest.mark.parametrize(
    ("counts", "is_said"),
    [
        ({"fine": 99, "fraud": 1}, True),
        ({"fine": 91, "fraud": 9}, True),
        ({"fine": 90, "fraud": 10}, False),
        ({str(i): 10 for i in range(10)}, False),
        ({**{str(i): 100 for i in range(9)}, "9": 40}, True),
        ({}, False),
    ],
)
def test_a_rare_class_is_said_where_the_accuracy_alone_is_limited(
    counts: dict[str, int], is_said: bool
) -> None:
    assert bool(rare.warning(Budget(), summary(**counts))) == is_said


def test_where_something_else_is_limited_nothing_is_said() -> None:
    data = summary(fine=99, fraud=1)
    limit = Limit(metric="roc_auc", max_drop=0.01)
    assert rare.warning(Budget(max_accuracy_drop=0.01, limits=[limit]), data) == ""
    assert rare.warning(Budget(), summary("regression")) == ""
