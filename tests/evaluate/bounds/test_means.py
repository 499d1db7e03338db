from __future__ import annotations

import numpy as np
import pytest

from trimtab.evaluate.bounds.means import LARGEST_INCREASE, NEEDS, means, needs_of


def test_the_same_errors_prove_no_increase():
    errors = np.random.default_rng(0).random(600)
    bound = means(errors, errors, 0.95, relative=True)
    assert bound.loss == 0
    assert bound.upper == pytest.approx(0, abs=1e-5)
    assert bound.proven


def test_an_increase_is_absolute_or_relative_to_the_baseline():
    before = np.random.default_rng(0).lognormal(1, 0.3, 2000)
    after = before * 1.02 + np.random.default_rng(1).normal(0, 0.05, 2000)
    absolute, relative = means(before, after, 0.95), means(before, after, 0.95, relative=True)
    assert absolute.loss == pytest.approx(after.mean() - before.mean())
    assert relative.loss == pytest.approx(after.mean() / before.mean() - 1)
    assert absolute.loss < absolute.upper < 1.2 * absolute.loss
    assert relative.loss < relative.upper < 1.2 * relative.loss


def test_of_a_baseline_without_errors_no_increase_is_ruled_out():
    errors = np.random.default_rng(0).random(600)
    assert means(np.zeros(600), errors, 0.95, relative=True).upper == LARGEST_INCREASE
    assert means(np.zeros(600), np.zeros(600), 0.95, relative=True).loss == 0


def test_without_a_baseline_the_mean_is_held_against_a_limit():
    losses = np.random.default_rng(0).exponential(0.5, 2000)
    bound = means(None, losses, 0.95, most=0.6)
    assert bound.loss == pytest.approx(losses.mean() - 0.6)
    assert -0.1 < bound.upper < -0.06
    assert means(None, losses, 0.95, most=0.51).upper > 0


def test_examples_in_groups_are_worth_less():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(50), 20)
    before = rng.random(1000)
    after = before + np.repeat(rng.normal(0, 0.1, 50), 20)
    alone, together = means(before, after, 0.95), means(before, after, 0.95, groups)
    assert together.loss == alone.loss
    assert together.upper - together.loss > 3 * (alone.upper - alone.loss)
    assert "cluster" in together.method


def test_too_few_examples_or_groups_are_an_estimate():
    errors = np.random.default_rng(0).random(1000)
    for least, needs in ((20, NEEDS), (30, needs_of(relative=True, root=1))):
        enough, few = (
            means(errors, errors, 0.95, np.arange(1000) % n, needs=needs) for n in (least, least - 1)
        )
        assert (enough.proven, few.why_not) == (True, f"fewer than {least} groups")
    few = means(errors[: NEEDS.examples - 1], errors[: NEEDS.examples - 1], 0.95)
    assert (few.proven, few.why_not) == (False, "fewer than 500 examples")
    squares = means(errors, errors, 0.95, needs=needs_of(relative=True, root=2))
    assert squares.why_not == "fewer than 2,000 examples"


def test_few_groups_that_hold_most_examples_are_an_estimate():
    errors = np.random.default_rng(0).random(1000)
    sizes = [300, 300, *[20] * 20]
    bound = means(errors, errors, 0.95, np.repeat(np.arange(22), sizes))
    assert bound.why_not == "few groups hold most examples: they are worth 5 of one size"
    assert means(errors, errors, 0.95, np.repeat(np.arange(22), [80, 80, *[42] * 20])).proven


@pytest.mark.parametrize("count", [20, 50])
def test_the_level_is_kept_where_damage_comes_by_groups(count):
    """2 % of examples fail, in few groups: limits are below the truth in at most 5 % of tests."""
    rng, missed = np.random.default_rng(0), 0
    for _ in range(300):
        groups = np.repeat(np.arange(count), 1000 // count)
        noise = np.sqrt(0.5) * (rng.normal(size=count)[groups] + rng.normal(size=1000))
        hit = noise < -2.0537
        before = rng.beta(1, 6, 1000)
        missed += means(before, np.where(hit, 1 - before, before), 0.95, groups).upper < 0.02 * 5 / 7
    assert missed <= 300 * 0.05 + 2 * np.sqrt(300 * 0.05 * 0.95)


@pytest.mark.parametrize("root", [1, 2])
def test_the_level_of_errors_is_kept_with_thirty_groups(root):
    """2 % of examples fail by any amount, half of it shared within groups: as in benchmarks/coverage.py."""
    rng, missed, runs, size = np.random.default_rng(0), 0, 200, 20 if root == 1 else 80
    groups, n = np.repeat(np.arange(30), size), 30 * size
    truth = 0.0923 if root == 1 else 0.482
    for _ in range(runs):
        noise = np.sqrt(0.5) * (rng.normal(size=30)[groups] + rng.normal(size=n))
        error = 0.5 * rng.standard_t(3, n)
        worse = np.where(noise < -2.0537, error + rng.exponential(3, n), error)
        before, after = np.abs(error) ** root, np.abs(worse) ** root
        bound = means(before, after, 0.95, groups, relative=True, needs=needs_of(relative=True, root=root))
        assert bound.proven
        missed += bound.upper < truth
    assert missed <= runs * 0.05 + 2 * np.sqrt(runs * 0.05 * 0.95)
