"""Each bound keeps its level where it says so: ``benchmarks/coverage.py``, in seconds."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("case", "damage", "examples", "runs"),
    [
        ("accuracy", "everywhere", 300, 200),
        ("recall/rare_class", "rare", 1000, 200),
        ("roc_auc", "rare", 300, 200),
        ("mae", "rare", 500, 200),
        ("macro_f1", "rare", 500, 50),
        ("r2", "rare", 2000, 50),
        ("macro_f1/labels", "rare", 500, 50),
        ("sample_f1/labels", "rare", 500, 100),
    ],
)
def test_where_a_limit_is_called_proven_its_level_is_kept(benchmark, case, damage, examples, runs):
    coverage = benchmark("coverage")
    figures = coverage.simulate(coverage.Cell(case, damage, examples), runs, 1)
    assert figures["level"] >= 0.95 - 3 * figures["se"]
    assert figures["proven"]


@pytest.mark.parametrize(
    ("case", "groups", "size"),
    [("accuracy", 20, 50), ("roc_auc", 100, 20), ("mae", 100, 20), ("quantile_loss", 50, 50)],
)
def test_of_groups_the_level_is_kept(benchmark, case, groups, size):
    coverage = benchmark("coverage")
    figures = coverage.simulate(coverage.Cell(case, "rare", groups * size, size, 0.5), 100, 1)
    assert figures["proven"]
    assert figures["level"] >= 0.95 - 3 * figures["se"]


@pytest.mark.parametrize("case", ["roc_auc", "mae"])
def test_where_few_examples_may_hide_the_damage_the_limit_is_an_estimate(benchmark, case):
    coverage = benchmark("coverage")
    figures = coverage.simulate(coverage.Cell(case, "rare", 100), 150, 1)
    assert figures["level"] < 0.92
    assert not figures["proven"]
