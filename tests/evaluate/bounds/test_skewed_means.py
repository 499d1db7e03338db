"""False passes and power of the limit on the error's increase, simulated."""

from __future__ import annotations

import numpy as np
import pytest

from trimtab.evaluate.bounds import skewed_means

BUDGET = 0.05


def draw(rng, kind, shape, increase):
    """Returns |errors| of a baseline, and of a candidate whose mean error is larger by ``increase``."""
    law, damage = kind.split("-")
    draws = {
        "normal": lambda: np.abs(rng.normal(size=shape)),
        "t3": lambda: np.abs(rng.standard_t(3, shape)),
        "t2": lambda: np.abs(rng.standard_t(2.1, shape)),
        "lognormal": lambda: rng.lognormal(0, 1, shape),
    }
    means = {"normal": np.sqrt(2 / np.pi), "t3": 2 * np.sqrt(3) / np.pi, "lognormal": np.exp(0.5)}
    before = draws[law]()
    if damage == "everywhere":
        return before, before * (1 + increase) * rng.lognormal(-0.045, 0.3, shape)
    if damage == "independent":
        return before, draws[law]() * (1 + increase)
    hit = rng.random(shape) < 0.02
    return before, before + hit * rng.exponential(1, shape) * increase * means[law] / 0.02


def passes(before, candidate):
    """Whether an increase by the budget is ruled out in each of some samples, ``(samples, n)``."""
    return skewed_means.rules_out(candidate - (1 + BUDGET) * before, 0.95)


KINDS = [f"{law}-everywhere" for law in ("normal", "t3", "lognormal")]
KINDS += [f"{law}-independent" for law in ("normal", "t3", "t2", "lognormal")]
KINDS += [f"{law}-rare" for law in ("normal", "t3", "lognormal")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [500, 2000])
def test_at_the_budget_at_most_five_percent_pass(kind, n):
    rng, repeats = np.random.default_rng(7), 4_000_000 // n
    found = passes(*draw(rng, kind, (repeats, n), BUDGET)).mean()
    assert found <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repeats)


@pytest.mark.parametrize(
    ("kind", "power"), [("normal-everywhere", 0.7), ("t3-everywhere", 0.5), ("t3-rare", 0.99)]
)
def test_candidates_as_good_as_the_baseline_usually_pass(kind, power):
    rng = np.random.default_rng(8)
    assert passes(*draw(rng, kind, (2000, 500), 0.0)).mean() >= power


@pytest.mark.parametrize("n", [20, 60, 2000])
def test_limit_and_test_agree(n):
    rng = np.random.default_rng(n)
    before, candidate = draw(rng, "lognormal-everywhere", (n,), 0.03)
    increase = candidate - before
    limit = skewed_means.upper_limit(increase, before, 0.95)
    assert candidate.mean() / before.mean() - 1 < limit
    assert skewed_means.rules_out(increase - limit * before, 0.95)
    assert not skewed_means.rules_out(increase - (limit - 1e-4 * (1 + abs(limit))) * before, 0.95)


def test_where_units_weigh_the_same_the_excess_is_the_limit_without_a_search():
    values = np.random.default_rng(1).lognormal(0, 1, 100)
    limit = skewed_means.upper_limit(values, np.ones(100), 0.95)
    centred = (values - values.mean()) / 100
    assert values.mean() + skewed_means.excess(centred, 0.95) == pytest.approx(limit, rel=1e-4)


def test_the_worst_value_counts_twice_where_it_is_the_only_one():
    difference = np.full(100, -0.01)
    assert skewed_means.rules_out(difference, 0.95)
    difference[0] = 0.4
    assert difference.mean() < 0
    assert not skewed_means.rules_out(difference, 0.95)


def test_what_cannot_be_ruled_out_has_an_infinite_limit():
    errors = np.random.default_rng(0).random(100)
    assert skewed_means.upper_limit(errors, np.zeros(100), 0.95) == np.inf
    assert skewed_means.upper_limit(errors[:1], errors[:1], 0.95) == np.inf


def test_of_a_denominator_that_one_value_makes_no_ratio_is_ruled_out():
    squares = np.full(500, 1e-3)
    squares[7] = 1e6
    assert skewed_means.upper_limit(0.1 * squares, squares, 0.95) == np.inf
