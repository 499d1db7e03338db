"""The proof out of fold keeps its level, with any number of folds: ``benchmarks/folds.py``, in seconds."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("kind", "rows", "folds", "group"),
    [
        ("linear, 2 bits", 100, 3, 1),
        ("numbers, sparse", 100, 10, 1),
        ("linear, sparse", 200, 5, 4),
    ],
)
def test_limits_miss_the_truth_at_most_as_often_as_stated(benchmark, kind, rows, folds, group):
    figures = benchmark("folds").simulated(kind, rows, folds, 40, 1, group)
    assert figures["missed"] <= 0.05 + 3 * figures["se"]
    assert figures["missed"] <= figures["plain"]
