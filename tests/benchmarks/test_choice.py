"""What ships is proven after the choice: the simulation of ``benchmarks/choice.py``, in seconds."""

from __future__ import annotations

import pytest


@pytest.fixture
def choice(benchmark):
    return benchmark("choice")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("candidates", "runs", "dependence"),
    [
        (1, 600, "independent"),  # of one alone, there is nothing to depend on
        *[(10, 300, dependence) for dependence in ("independent", "correlated", "identical")],
        (60, 80, "independent"),
    ],
)
def test_what_ships_breaks_the_budget_at_most_as_often_as_stated(choice, candidates, runs, dependence):
    cell = choice.Cell(candidates, 351, dependence, "margin", "falling")
    figures = choice.simulate(cell, runs, 1, ("trimtab",))["trimtab"]
    assert figures["p_bad_ships"] <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize("costs", ["falling", "families"])
def test_no_standard_procedure_ships_much_more_often_or_cheaper(choice, costs):
    cell = choice.Cell(10, 351, "independent", "ladder", costs)
    figures = choice.simulate(cell, 200, 1)
    for name in choice.KEEP_THE_LEVEL:
        assert figures["trimtab"]["p_ships"] >= figures[name]["p_ships"] - 0.05
        assert figures["trimtab"]["mean_cost"] <= 1.05 * figures[name]["mean_cost"]
