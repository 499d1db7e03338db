"""What ships under limits of other metrics, in groups and with copies: ``choice_limits.py``, in seconds."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("metric", "rows"),
    [("recall", "alone"), ("accuracy", "copies"), ("roc_auc", "copies"), ("mae", "20 x 0.5")],
)
def test_what_ships_is_past_its_limit_at_most_as_often_as_stated(benchmark, metric, rows):
    benchmark("coverage")  # which it imports
    choice = benchmark("choice_limits")
    figures = choice.simulate(choice.Cell(metric, rows, 1000), 30, 1)
    assert figures["p_bad_ships"] <= 0.05 + 3 * figures["se"]
    assert figures["uncorrected"] >= figures["p_bad_ships"]
