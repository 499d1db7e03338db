"""Each bound keeps its level where it says so: ``benchmarks/coverage.py``, in seconds."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("case", "damage", "examples", "runs"),
    [
        ("accuracy", "everywhere", 300, 300),
        ("recall/rare_class", "rare", 1000, 300),
        ("roc_auc", "rare", 300, 300),
        ("roc_auc/rare_class", "everywhere", 1000, 300),
        ("log_loss", "rare", 500, 300),
        ("mae", "rare", 500, 300),
        ("rmse", "everywhere", 500, 200),
        ("macro_f1", "rare", 500, 100),
        ("precision", "everywhere", 500, 100),
        ("r2", "rare", 2000, 100),
    ],
)
def test_where_a_limit_is_called_proven_its_level_is_kept(benchmark, case, damage, examples, runs):
    coverage = benchmark("coverage")
    figures = coverage.simulate(coverage.Cell(case, damage, examples), runs, 1)
    assert figures["level"] >= 0.95 - 3 * figures["se"]
    assert figures["proven"] is (case != "roc_auc/rare_class" or 0.05 * examples > 50)


@pytest.mark.parametrize("correlation", [0.05, 0.5])
@pytest.mark.parametrize(
    ("case", "groups", "size"),
    [("accuracy", 20, 20), ("accuracy", 200, 50), ("roc_auc", 100, 20), ("mae", 100, 20)],
)
def test_of_groups_the_level_is_kept(benchmark, case, groups, size, correlation):
    coverage = benchmark("coverage")
    figures = coverage.simulate(coverage.Cell(case, "rare", groups * size, size, correlation), 100, 1)
    assert figures["proven"]
    assert figures["level"] >= 0.95 - 3 * figures["se"]


@pytest.mark.parametrize("case", ["roc_auc", "log_loss", "mae", "r2"])
def test_where_few_examples_may_hide_the_damage_the_limit_is_an_estimate(benchmark, case):
    coverage = benchmark("coverage")
    figures = coverage.simulate(coverage.Cell(case, "rare", 100), 200, 1)
    assert figures["level"] < 0.92
    assert not figures["proven"]
