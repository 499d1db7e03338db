from __future__ import annotations

import numpy as np
import pytest

from trimtab.evaluate import forecast, order, sequence
from trimtab.evaluate.bounds import paired_proportions


def random_plan(seed, candidates=12):
    random = np.random.default_rng(seed)
    p_values = random.random((512, candidates)) ** random.uniform(1, 20, candidates)
    return order.plan(p_values, random.uniform(0.1, 1, candidates), 0.05)


def test_who_surely_passes_is_passed_through_and_who_surely_fails_is_left_out():
    p_values = np.tile([0.9, 0.0, 0.0, 0.9, 0.0], (512, 1))
    planned = order.plan(p_values, np.array([0.9, 0.8, 0.3, 0.2, 0.5]), 0.05)
    assert planned.sequence == (1, 4, 2)
    assert planned.shares.tolist() == [0, 1, 0, 0, 0]
    assert planned.successor[[1, 4, 2]].tolist() == [4, 2, -1]


def test_a_chance_is_not_risked_for_a_small_saving():
    """Half of the time 0 fails: to test it before 1, which always passes and saves more, is no gain."""
    p_values = np.zeros((512, 2))
    p_values[::2, 0] = 1
    planned = order.plan(p_values, np.array([0.50, 0.49]), 0.05)
    assert planned.sequence == (1,)


def test_chances_that_are_independent_share_the_level():
    """Each passes every second time, and by far: five of them nearly always hold one that does."""
    p_values = np.random.default_rng(0).integers(0, 2, (512, 5)).astype(float)
    planned = order.plan(p_values, np.full(5, 0.5), 0.05)
    assert np.count_nonzero(planned.shares) > 1


def test_one_that_is_the_same_as_all_others_needs_no_share():
    p_values = np.repeat(np.random.default_rng(0).integers(0, 2, (512, 1)), 5, axis=1).astype(float)
    assert np.count_nonzero(order.plan(p_values, np.linspace(0.9, 0.1, 5), 0.05).shares) == 1


def test_a_single_candidate_has_the_whole_level_however_poor_its_chances():
    planned = order.plan(np.ones((512, 1)), np.array([0.5]), 0.05)
    assert planned.shares.tolist() == [1]
    assert planned.sequence == (0,)


@pytest.mark.parametrize("seed", range(20))
def test_whichever_candidates_are_bad_their_levels_never_add_up_to_more_than_the_level(seed):
    """The most that bad candidates get is when all good ones pass: by Bonferroni the level then holds."""
    planned = random_plan(seed)
    random = np.random.default_rng(seed)
    for _ in range(50):
        bad = set(np.flatnonzero(random.random(12) < random.random()).tolist())
        tests = sequence.run(planned, lambda candidate, _, bad=bad: candidate not in bad, 0.05)
        assert sum(test.level for test in tests if test.candidate in bad) <= 0.05 + 1e-12


@pytest.mark.parametrize("seed", range(20))
def test_a_successor_costs_less_so_that_each_candidate_is_tested_once_with_all_it_gets(seed):
    planned = random_plan(seed)
    place = {candidate: number for number, candidate in enumerate(planned.sequence)}
    for candidate in planned.sequence:
        successor = int(planned.successor[candidate])
        assert successor < 0 or place[successor] > place[candidate]


def test_of_few_examples_no_share_is_one_at_which_nothing_can_pass():
    known = forecast.Validation(np.zeros((175, 8)), np.linspace(0.9, 0.2, 8), list("aabbccdd"))
    planned = order.plan(forecast.p_values(known, 0.012, 351, paired=True), known.costs, 0.05)
    least = planned.shares[planned.shares > 0].min()
    assert paired_proportions.upper_limit(0, 0, 351, 1 - 0.05 * least) <= 0.012


def test_who_was_passed_over_is_put_in_between_where_that_pays():
    """Each step seems a risk, but who got so far is good: with more steps, less is left between two."""
    random = np.random.default_rng(0)
    quality = random.uniform(0, 1, (512, 1))
    p_values = np.where(np.linspace(0, 1, 30) < quality + random.normal(0, 0.05, (512, 30)), 0.0, 1.0)
    costs, shares = np.linspace(0.99, 0.1, 30), np.eye(30)[0]
    jumps = order._successors((p_values == 0).T, costs)
    filled = order._filled(p_values.T, costs, 0.05, shares, jumps)
    reached, all_reached = (order._reached(shares, each).sum() for each in (jumps, filled))
    before, after = (order._expected_cost(p_values.T, costs, 0.05, shares, each) for each in (jumps, filled))
    assert all_reached > reached
    assert after < before - 0.005
