"""What a chain is worth."""

from __future__ import annotations

import math

import pytest

from trimtab.artifacts.search import Measured
from trimtab.config.budget import Budget
from trimtab.search.worth import cost, fronts, gain, is_within, why_not

FLOATS = Measured(size_bytes=1000, gzip_bytes=900, latency_ms=2.0, speed=1.0)
HALF = Measured(strain=0.5, doubt=0.3, size_bytes=250, gzip_bytes=450, latency_ms=2.0, speed=1.0)


def test_cost_is_by_the_objective_and_the_size_that_counts():
    assert cost(HALF, FLOATS, Budget(objective="size")) == 0.25
    assert cost(HALF, FLOATS, Budget(objective="size", size="gzip")) == 0.5
    assert cost(HALF, FLOATS, Budget(objective="latency")) == 1.0
    assert cost(HALF, FLOATS, Budget()) == 0.5


def test_the_gain_is_the_less_the_nearer_the_limit():
    budget = Budget()
    gains = [gain(HALF.model_copy(update={"strain": strain}), FLOATS, budget) for strain in (0, 0.9, 1, 3)]
    assert gains == sorted(gains, reverse=True)
    assert gains[2] == pytest.approx(math.log(2) / 2)
    assert is_within(HALF.model_copy(update={"strain": math.inf}), budget) == 0


def test_what_gains_nothing_or_is_too_large_or_too_slow_says_so():
    assert not why_not(HALF, FLOATS, Budget())
    assert "1.00 times the baseline's latency" in why_not(HALF, FLOATS, Budget(objective="latency"))
    assert why_not(HALF, FLOATS, Budget(max_size_kb=0.2)) == "size 0.2 kB > 0.2 kB"
    assert "median latency 2 ms" in why_not(HALF, FLOATS, Budget(max_latency_ms=1))
    assert not why_not(HALF, FLOATS, Budget(max_latency_ms=1.9)), "within the noise of a short measurement"
    assert why_not(Measured(reason="no kernel"), FLOATS, Budget()) == "no kernel"


def test_fronts_are_sorted_by_domination():
    points = {"a": (0, 3), "b": (3, 0), "c": (1, 4), "d": (4, 4), "e": (0, 3)}
    assert fronts(points) == [["a", "b", "e"], ["c"], ["d"]]
    assert fronts({}) == []
