from __future__ import annotations

import numpy as np
import pytest

from trimtab.evaluate import forecast
from trimtab.evaluate.bounds import paired_proportions


def validation(drops, costs, examples=500, families=None, seed=0):
    random = np.random.default_rng(seed)
    position = random.random((examples, len(drops)))
    losses = (position < 0.01 + np.asarray(drops)).astype(float) - (position > 0.99)
    return forecast.Validation(losses, np.asarray(costs), families or [str(i) for i in range(len(drops))])


def chances(known, limit=0.03, examples=1000):
    return (forecast.p_values(known, limit, examples, paired=True) <= 0.05).mean(axis=0)


def test_who_lost_nothing_in_validation_has_the_better_chance():
    good, bad = chances(validation([0.0, 0.06], [0.5, 0.5]))
    assert good > 0.8
    assert bad < 0.1


def test_the_same_draws_come_twice():
    known = validation([0.0, 0.01], [0.5, 0.4])
    assert np.array_equal(forecast.p_values(known, 0.03, 500), forecast.p_values(known, 0.03, 500))


def test_costs_speak_where_validation_says_little():
    """Twenty candidates of which the cheaper are worse: one that looks good among bad ones is doubted."""
    costs, drops = np.linspace(0.95, 0.2, 20), np.linspace(0, 0.06, 20)
    known = validation(drops, costs, examples=300)
    known.losses[:, 16] = 0
    assert chances(known)[16] < chances(known)[2]


def test_without_validation_examples_cheaper_is_riskier():
    known = forecast.Validation(np.empty((0, 3)), np.array([0.9, 0.5, 0.1]), ["a", "b", "c"])
    dear, middle, cheap = chances(known)
    assert dear > middle > cheap


@pytest.mark.parametrize("losses", [np.zeros((100, 3)), np.ones((100, 3)), np.zeros((1, 3))])
def test_losses_that_do_not_vary_are_no_trouble(losses):
    known = forecast.Validation(losses, np.array([0.9, 0.5, 0.1]), ["a", "a", "a"])
    assert np.isfinite(forecast.p_values(known, 0.01, 100)).all()


def test_draws_of_one_family_hang_together():
    random = np.random.default_rng(0)
    shared = random.random((400, 1)) < 0.2
    losses = np.hstack([np.repeat(shared, 2, axis=1), random.random((400, 2)) < 0.2]).astype(float)
    known = forecast.Validation(losses, np.full(4, 0.5), ["a", "a", "b", "c"])
    drawn = np.corrcoef(forecast.p_values(known, 0.2, 400), rowvar=False)
    assert drawn[0, 1] > 0.7 > drawn[0, 2]


def test_no_p_value_is_smaller_than_that_of_a_candidate_that_answers_as_the_baseline_does():
    """At 1.2 points 351 examples on which nothing changes pass at half of the level, and not at a quarter."""
    known = forecast.Validation(np.zeros((175, 8)), np.linspace(0.9, 0.2, 8), list("aabbccdd"))
    least = forecast.p_values(known, 0.012, 351, paired=True).min()
    assert least == paired_proportions.p_value(0, 0, 351, 0.012, 0.95)
    assert 0.05 / 4 < least < 0.05 / 2
    assert forecast.p_values(known, 0.012, 2_000, paired=True).min() < 1e-4


def test_the_chances_are_those_of_the_test_itself():
    """Of candidates that lose and gain one in a hundred, as many pass as forecast, in the mean."""
    random, n, limit = np.random.default_rng(0), 351, 0.03
    said = np.mean([chances(validation([0.0] * 4, [0.95] * 4, 3_000, seed=s), limit, n) for s in range(5)])
    lost, gained = random.binomial(n, 0.01, 200), random.binomial(n, 0.01, 200)
    passed = [
        paired_proportions.upper_limit(int(each), int(other), n, 0.95) <= limit
        for each, other in zip(lost, gained, strict=True)
    ]
    assert said == pytest.approx(np.mean(passed), abs=0.08)
