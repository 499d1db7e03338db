from __future__ import annotations

import numpy as np
import pytest
from scipy.special import betaincinv

from trimtab.evaluate.bounds import paired_proportions
from trimtab.evaluate.bounds.proportions import design_effect, proportions


def answers(n, losses, gains):
    """Returns answers of which the baseline alone is right on ``losses`` and the candidate on ``gains``."""
    before, after = np.ones(n), np.ones(n)
    after[:losses] = 0
    before[n - gains :] = 0
    return before, after


def test_examples_that_stand_alone_have_the_exact_limit():
    bound = proportions(*answers(400, 5, 2), 0.95)
    assert bound.loss == pytest.approx(3 / 400)
    assert bound.upper == paired_proportions.upper_limit(5, 2, 400, 0.95)
    assert bound.proven
    assert bound.method == "exact paired proportions"


@pytest.mark.parametrize("wrong", [0, 3, 40])
def test_without_a_baseline_the_limit_is_that_of_clopper_and_pearson(wrong):
    _, after = answers(400, wrong, 0)
    bound = proportions(None, after, 0.95, least=0.9)
    assert bound.loss == pytest.approx(wrong / 400 - 0.1)
    assert bound.upper == pytest.approx(betaincinv(wrong + 1, 400 - wrong, 0.95) - 0.1, abs=0.002)


def test_groups_that_answer_as_one_are_worth_one_example_each():
    groups = np.repeat(np.arange(100), 20)
    before, after = (np.repeat(one, 20) for one in answers(100, 20, 5))
    bound, whole = proportions(before, after, 0.95, groups), proportions(*answers(100, 20, 5), 0.95)
    assert bound.loss == pytest.approx(whole.loss)
    assert bound.upper == pytest.approx(whole.upper, abs=0.02)


def test_groups_whose_examples_differ_alone_cost_little_where_many_differ():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(500), 20)
    before, after = np.ones(10_000), (rng.random(10_000) > 0.02).astype(float)
    effect = design_effect(before, after, 0.95, groups)
    assert 1 <= effect < 1.6
    assert proportions(before, after, 0.95, groups).upper < 0.027


def test_what_no_group_showed_may_be_whole_groups():
    groups = np.repeat(np.arange(50), 20)
    same = np.ones(1000)
    assert proportions(same, same, 0.95, groups).upper == pytest.approx(1 - 0.05 ** (1 / 50), abs=0.005)


def test_fewer_than_twenty_groups_are_an_estimate():
    same = np.ones(1000)
    assert proportions(same, same, 0.95, np.arange(1000) % 20).proven
    bound = proportions(same, same, 0.95, np.arange(1000) % 19)
    assert (bound.proven, bound.why_not) == (False, "fewer than 20 groups")
