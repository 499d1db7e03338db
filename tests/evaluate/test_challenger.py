from __future__ import annotations

import numpy as np
import pytest

from trimtab.artifacts.evaluation import Drop
from trimtab.artifacts.proof import LimitTest
from trimtab.config.budget import Budget
from trimtab.config.retrain import Retrain
from trimtab.evaluate import challenger, significance
from trimtab.evaluate.demands import headline_limit


def drop(upper_bound):
    return Drop(observed=0.0, upper_bound=upper_bound, confidence=0.95, examples=100)


@pytest.mark.parametrize(
    ("loss", "gain", "is_cheaper", "finding"),
    [
        (-0.001, 0.05, False, "better"),
        (-0.001, 0.05, True, "better"),
        (0.0, 0.05, False, "no_gain"),
        (0.0, 0.05, True, "cheaper"),
        (0.01, 0.02, True, "cheaper"),
        (0.01, 0.02, False, "no_gain"),
        (0.01, -0.001, False, "no_gain"),
        (0.011, 0.02, True, "unproven"),
        (0.011, -0.001, True, "worse"),
    ],
)
def test_the_rule(loss, gain, is_cheaper, finding):
    tests = [held(loss <= 0.01)]
    assert challenger.judge(drop(loss), drop(gain), tests, is_cheaper=is_cheaper) == finding


def held(holds):
    return LimitTest(
        limit="accuracy", loss=0.0, upper_bound=0.0, confidence=0.95, holds=holds, method="as given"
    )


@pytest.mark.parametrize("loss", [-0.001, 0.0])
def test_no_way_leads_past_a_limit_that_is_not_shown_to_hold(loss):
    tests = [held(True), held(False)]
    assert challenger.judge(drop(loss), drop(0.02), tests, is_cheaper=True) == "unproven"


@pytest.mark.parametrize(
    ("size", "latency", "cheaper"),
    [
        (0.95, 1.0, True),
        (0.96, 1.0, False),
        (1.0, 0.95, True),
        (1.0, 0.96, False),
        (0.9, 1.049, True),
        (0.9, 1.05, False),
        (1.04, 0.5, True),
        (1.06, 0.5, False),
        (1.0, 1.0, False),
    ],
)
def test_cheaper_is_one_lower_and_the_other_not_higher(size, latency, cheaper):
    assert challenger.cheaper(size, latency, 0.05, "balanced") is cheaper


@pytest.mark.parametrize(
    ("size", "latency", "objective", "cheaper"),
    [
        (2.3, 0.53, "latency", True),
        (2.3, 0.96, "latency", False),
        (0.5, 1.04, "latency", True),  # no slower to speak of
        (0.5, 1.06, "latency", False),
        (0.5, 2.0, "size", True),
        (1.06, 0.5, "size", False),
    ],
)
def test_what_the_objective_asks_for_is_cheaper_whatever_the_other(size, latency, objective, cheaper):
    assert challenger.cheaper(size, latency, 0.05, objective) is cheaper


@pytest.mark.parametrize("rounds", [21, 200, 2000])
def test_the_limit_of_a_latency_is_below_its_true_ratio_at_most_five_times_in_a_hundred(rounds):
    random = np.random.default_rng(rounds)
    below, simulations = 0, 2000
    for _ in range(simulations):
        # Both slow down together, and each has outliers of its own, as on a busy machine.
        mood = random.gamma(2.0, 1.0, rounds) + 1
        before = 1e5 * mood * np.exp(random.standard_t(2, rounds).clip(-40, 40) / 20)
        after = 0.9e5 * mood * np.exp(random.standard_t(2, rounds).clip(-40, 40) / 20)
        below += challenger.latency_limit(before.astype(int), after.astype(int), 0.95) < 0.9
    # Three standard errors of a share of 5 % above it.
    assert below / simulations < 0.05 + 3 * (0.05 * 0.95 / simulations) ** 0.5


def test_the_limit_of_a_latency_is_close_to_its_ratio_after_many_rounds():
    random = np.random.default_rng(1)
    before, after = (scale * (1 + random.gamma(2.0, 0.1, 2000)) for scale in (1e5, 0.9e5))
    assert 0.9 < challenger.latency_limit(before.astype(int), after.astype(int), 0.95) < 0.92


def test_what_is_tolerated_is_the_budgets_unless_it_is_set():
    budget = Budget(max_accuracy_drop=0.02, max_error_increase=0.1)
    assert tolerated(Retrain(), budget, "classification") == 0.02
    assert tolerated(Retrain(), budget, "regression") == 0.1
    own = Retrain(max_accuracy_drop=0.005, max_error_increase=0.03)
    assert tolerated(own, budget, "classification") == 0.005
    assert tolerated(own, budget, "regression") == 0.03


def tolerated(retrain, budget, task):
    return headline_limit(challenger.limits_of(retrain, budget), task).max_loss


@pytest.mark.parametrize("is_cheaper", [True, False])
def test_a_challenger_at_what_is_tolerated_is_promoted_at_most_five_times_in_a_hundred(is_cheaper):
    """4,000 test sets of 500 examples, of which the champion alone gets 3 % more right."""
    rng, n, limit, repeats = np.random.default_rng(0), 500, 0.03, 4000
    promoted = 0
    draws = rng.multinomial(n, [0.05, 0.05 - limit, 1 - 0.1 + limit], repeats)[:, :2]
    for (losses, gains), count in zip(*np.unique(draws, axis=0, return_counts=True), strict=True):
        champion, made = np.ones(n), np.ones(n)
        made[:losses] = 0
        champion[losses : losses + gains] = 0
        loss = significance.drop(champion, made, 0.95, "classification")
        gain = significance.drop(made, champion, 0.95, "classification")
        tests = [held(loss.upper_bound <= limit)]
        found = challenger.judge(loss, gain, tests, is_cheaper=is_cheaper)
        promoted += count * (found in ("better", "cheaper"))
    assert promoted / repeats <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repeats)
    assert (promoted > 0) == is_cheaper
