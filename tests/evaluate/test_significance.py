from __future__ import annotations

import math

import numpy as np
import pytest

from trimtab.evaluate import out_of_fold, significance


def scores(n, losses, gains, both_wrong=10):
    """Returns scores of which the baseline alone is right on ``losses`` and the candidate on ``gains``."""
    baseline, candidate = np.ones(n, np.float32), np.ones(n, np.float32)
    candidate[:losses] = 0
    baseline[losses : losses + gains] = 0
    baseline[-both_wrong:] = candidate[-both_wrong:] = 0
    return baseline, candidate


@pytest.mark.parametrize(
    ("n", "budget", "p_gain"),
    [(500, 0.01, 0.0), (500, 0.01, 0.01), (2000, 0.01, 0.0), (2000, 0.01, 0.003), (10_000, 0.002, 0.001)],
)
def test_simulated_runs_at_the_budget_pass_at_most_five_percent(n, budget, p_gain):
    """50,000 test sets of a candidate that is at the budget, judged by what ``select`` calls."""
    rng, repeats = np.random.default_rng(0), 50_000
    draws = rng.multinomial(n, [p_gain + budget, p_gain, 1 - 2 * p_gain - budget], repeats)[:, :2]
    tables, counts = np.unique(draws, axis=0, return_counts=True)
    # Tables with more losses than one that fails fail too: they need not be judged.
    passed = 0
    for gains in np.unique(tables[:, 1]):
        rows = tables[:, 1] == gains
        for losses, count in zip(tables[rows, 0], counts[rows], strict=True):
            found = significance.drop(*scores(n, losses, gains), 0.95, "classification")
            if found.upper_bound > budget:
                break
            passed += count
    assert passed / repeats <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repeats)


def test_observed_drop_is_the_difference_of_accuracies():
    baseline, candidate = scores(400, 9, 3)
    found = significance.drop(baseline, candidate, 0.95, "classification")
    assert found.observed == pytest.approx(baseline.mean() - candidate.mean())
    assert found.observed < found.upper_bound < 0.05
    assert (found.confidence, found.examples) == (0.95, 400)


def test_more_confidence_and_fewer_examples_give_larger_limits():
    limits = [
        significance.drop(*scores(400, 4, 2), c, "classification").upper_bound for c in (0.8, 0.95, 0.99)
    ]
    assert limits == sorted(limits)
    few = significance.drop(*scores(100, 1, 0), 0.95, "classification").upper_bound
    many = significance.drop(*scores(1000, 10, 0), 0.95, "classification").upper_bound
    assert many < few


def test_regression_reports_the_relative_increase_of_the_mean_error():
    rng = np.random.default_rng(0)
    before = np.abs(rng.normal(size=500)).astype(np.float32)
    found = significance.drop(before, before * np.float32(1.02), 0.95, "regression")
    assert found.observed == pytest.approx(0.02, abs=1e-4)
    assert found.observed < found.upper_bound < 0.025


def test_a_perfect_baseline_cannot_be_worsened_by_a_share():
    zero, some = np.zeros(50, np.float32), np.ones(50, np.float32)
    assert significance.drop(zero, zero, 0.95, "regression").observed == 0
    assert significance.drop(zero, some, 0.95, "regression").observed > 1


@pytest.mark.parametrize(("losses", "gains"), [(0, 0), (1, 1), (3, 2)])
def test_the_examples_it_says_are_needed_are_enough_and_not_far_too_many(losses, gains):
    n, budget = 250, 0.01
    baseline, candidate = scores(n, losses, gains)
    needed = significance.examples_needed(baseline, candidate, budget, 0.95, "classification")
    assert significance.drop(baseline, candidate, 0.95, "classification").upper_bound > budget
    for examples, proves in ((needed * 1.1, True), (needed * 0.8, False)):
        scale = examples / n
        grown = scores(int(examples), round(losses * scale), round(gains * scale))
        found = significance.drop(*grown, 0.95, "classification")
        assert (found.upper_bound <= budget) == proves


def test_no_number_of_examples_proves_a_drop_past_the_budget():
    assert significance.examples_needed(*scores(250, 5, 0), 0.01, 0.95, "classification") is None
    errors = np.random.default_rng(0).random(100)
    assert significance.examples_needed(errors, errors * 1.2, 0.05, 0.95, "regression") is None


def test_examples_needed_for_an_error_grow_as_the_margin_shrinks():
    rng = np.random.default_rng(0)
    before = np.abs(rng.normal(size=60))
    after = rng.permutation(before) / 1.02
    wide, narrow = (significance.examples_needed(before, after, b, 0.95, "regression") for b in (0.1, 0.06))
    assert 60 < wide < narrow


@pytest.mark.parametrize(("groups", "folds"), [(None, 5), (np.repeat(np.arange(50), 20), 1)])
def test_examples_needed_are_those_of_the_limit_that_the_proof_takes(groups, folds):
    """Out of fold limits are wider, and of groups one more is counted that was not seen."""
    n, budget = 1_000, 0.02 if groups is None else 0.03
    places = np.random.default_rng(0).permutation(n)
    baseline, candidate = (answers[places] for answers in scores(n, 20, 5))
    needed = significance.examples_needed(baseline, candidate, budget, 0.95, "classification", groups, folds)
    plain = significance.examples_needed(baseline, candidate, budget, 0.95, "classification")

    def limit(times):
        more = None if groups is None else np.concatenate([groups + 50 * place for place in range(times)])
        many = np.tile(baseline, times), np.tile(candidate, times)
        found = significance.drop(*many, 0.95, "classification", more)
        return out_of_fold.drop(found, "classification", folds).upper_bound

    assert plain < needed
    assert limit(math.floor(0.8 * needed / n)) > budget >= limit(math.ceil(needed / n))
