import numpy as np
import pytest

from trimtab.artifacts.evaluation import Examples
from trimtab.artifacts.proof import Limit
from trimtab.config.budget import Budget
from trimtab.evaluate import choice, significance
from trimtab.evaluate.bounds.proportions import Sizes, proportions
from trimtab.evaluate.demands import demands
from trimtab.evaluate.expected import Stake
from trimtab.evaluate.limits import Split
from trimtab.evaluate.reach import reach


def limit(max_loss, bound="proportions"):
    return Limit.model_validate({"metric": "accuracy", "bound": bound, "max_loss": max_loss})


@pytest.mark.parametrize(
    ("max_loss", "needed"), [(0.005, 602), (0.01, 301), (0.02, 150), (0.03, 100), (0.05, 59)]
)
def test_the_rows_that_are_needed_are_the_fewest_on_which_an_unchanged_candidate_is_proven(max_loss, needed):
    (found,) = reach([limit(max_loss)], Sizes(351), 0.95)
    assert found.needed == needed

    def proven(examples):
        scores = np.ones(examples, np.float32)
        return significance.drop(scores, scores, 0.95, "classification").upper_bound <= max_loss

    assert proven(needed)
    assert not proven(needed - 1)


def test_the_least_drop_is_the_limit_that_the_proof_itself_gives_an_unchanged_candidate():
    (found,) = reach([limit(0.005)], Sizes(351), 0.9)
    scores = np.ones(351, np.float32)
    drop = significance.drop(scores, scores, 0.9, "classification").upper_bound
    assert (found.least, found.examples, found.confidence) == (drop, 351, 0.9)
    assert not found.is_enough


@pytest.mark.parametrize("max_loss", [0.008, 0.009])
def test_it_is_enough_where_the_shipped_decision_lets_an_unchanged_candidate_pass(max_loss):
    scores = np.ones(351, np.float32)
    one = choice.Contender("same", "same", 0.5, [np.zeros(100)])
    split = Split("classification", None, 351, lambda: np.zeros(351, np.int64))
    (demand,) = demands(Budget(max_accuracy_drop=max_loss), split)
    same = Examples(scores, np.empty((351, 0)))

    def tests(_, confidence):
        return [demand.test(split, same, same, confidence)]

    proof = choice.prove([one], [Stake(demand.limit, max_loss, 351)], 351, 0.95, tests)
    assert bool(proof.passed) is reach([limit(max_loss)], Sizes(351), 0.95)[0].is_enough


def test_a_bound_that_hangs_on_the_answers_promises_nothing():
    assert reach([limit(0.05, "errors")], Sizes(1000), 0.95) == []


@pytest.mark.parametrize("share", [0.0, 0.19, 0.5])
def test_copies_count_once_as_in_the_proof(share):
    inputs = np.random.default_rng(0).permutation(351) % round(351 * (1 - share))
    same = np.ones(351)
    (found,) = reach([limit(0.01)], Sizes.of(351, inputs), 0.95)
    assert found.least == pytest.approx(proportions(same, same, 0.95, inputs).upper, abs=1e-9)
    assert (found.examples, found.distinct) == (351, round(351 * (1 - share)))


def test_an_input_that_is_there_ten_times_is_worth_no_more_than_once():
    (once,), (copied,) = (
        reach([limit(0.01)], sizes, 0.95) for sizes in (Sizes(100), Sizes(1_000, 100, 10_000))
    )
    assert copied.least > once.least
    assert copied.needed >= 10 * once.needed


@pytest.mark.parametrize(("groups", "size"), [(20, 50), (200, 20), (50, 4)])
def test_of_groups_no_candidate_that_mends_nothing_has_a_lower_limit(groups, size):
    random, of = np.random.default_rng(0), np.repeat(np.arange(groups), size)
    before = np.ones(len(of))
    (found,) = reach([limit(0.01)], Sizes.of(len(of), of), 0.95, grouped=True)
    for lost in (0, 1, 3, groups // 2, groups):
        after = before.copy()
        after[random.choice(groups, lost, replace=False) * size] = 0
        assert proportions(before, after, 0.95, of).upper >= found.least
