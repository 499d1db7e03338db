from __future__ import annotations

import resource
import time

import numpy as np
import pytest

from trimtab.artifacts.evaluation import Examples
from trimtab.artifacts.proof import Limit, LimitTest
from trimtab.config.budget import Budget
from trimtab.evaluate import choice, significance
from trimtab.evaluate.bounds import paired_proportions
from trimtab.evaluate.demands import demands
from trimtab.evaluate.expected import Stake
from trimtab.evaluate.limits import Split

ACCURACY = Limit.model_validate({"metric": "accuracy", "bound": "proportions", "max_loss": 0.03})
STAKES = [Stake(ACCURACY, 0.03, 1000, 0.03)]


def stands(limit, upper, confidence, why_not=""):
    """Returns how a candidate stands to a limit, given the upper limit of its loss."""
    return LimitTest(
        limit=limit.name,
        loss=0.0,
        upper_bound=upper,
        confidence=confidence,
        holds=upper <= limit.max_loss,
        method="as given",
        proven=not why_not,
        why_not=why_not,
    )


def contenders(**drops):
    """Returns candidates by their drop in validation, each cheaper than the one before."""
    random = np.random.default_rng(0)
    return [
        choice.Contender(name, name, 0.9 - 0.1 * place, [(random.random(1000) < drop).astype(float)])
        for place, (name, drop) in enumerate(drops.items())
    ]


def prove(found, limits, asked=None, why_not=""):
    def tests(name, confidence):
        if asked is not None:
            asked.append((name, confidence))
        return [stands(ACCURACY, limits[name], confidence, why_not)]

    return choice.prove(found, STAKES, 1000, 0.95, tests)


def test_all_that_is_tested_passes_or_ends_its_sequence_and_the_rest_says_why():
    found = contenders(a=0.0, b=0.004, c=0.008, d=0.2)
    proof = prove(found, {"a": 0.01, "b": 0.04, "c": 0.01, "d": 0.3})
    tested = {test.candidate: test.passed for test in proof.tested}
    assert tested.get("b") in (None, False)
    assert not any(name in proof.passed for name in ("b", "d"))
    assert proof.stopped_at == [name for name, passed in tested.items() if not passed]
    assert set(tested) | set(proof.not_tested) == {"a", "b", "c", "d"}
    assert all(reason.startswith("not tested: ") for reason in proof.not_tested.values())


def test_nothing_behind_a_failure_is_looked_at():
    found, asked = contenders(a=0.0, b=0.0, c=0.0), []
    proof = prove(found, dict.fromkeys("abc", 1.0), asked)
    assert [name for name, _ in asked] == proof.stopped_at
    assert sum(1 - confidence for _, confidence in asked) == pytest.approx(0.05)
    assert proof.passed == []


def test_the_order_of_the_arguments_does_not_matter():
    found = contenders(a=0.0, b=0.01, c=0.02)
    bounds = dict.fromkeys("abc", 0.01)
    assert prove(found, bounds) == prove(found[::-1], bounds)


def test_the_order_is_made_before_a_test_label_is_seen():
    found = contenders(a=0.0, b=0.01, c=0.02)
    orders = [prove(found, dict.fromkeys("abc", bound)).order for bound in (0.0, 1.0)]
    assert orders[0] == orders[1]


def test_where_a_bound_is_an_estimate_so_is_what_ships():
    found = contenders(a=0.0, b=0.01)
    assert prove(found, dict.fromkeys("ab", 0.01)).proven
    proof = prove(found, dict.fromkeys("ab", 0.01), why_not="fewer than 20 groups")
    assert (proof.proven, proof.why_not) == (False, "fewer than 20 groups")


AUC = Limit(
    metric="roc_auc",
    name="ROC AUC",
    kind="max_drop",
    value=0.01,
    unit="",
    bound="area",
    max_loss=0.01,
)


def test_every_limit_must_hold_and_the_worst_makes_the_order():
    random = np.random.default_rng(0)
    accuracy = [(random.random(1000) < 0.001).astype(float) for _ in "abc"]
    ranking = [random.normal(mean, 0.01, 40) for mean in (0.0, 0.001, 0.05)]
    found = [
        choice.Contender(name, name, 0.9 - 0.1 * place, [accuracy[place], ranking[place]])
        for place, name in enumerate("abc")
    ]
    uppers = {"a": (0.01, 0.005), "b": (0.01, 0.02), "c": (0.01, 0.06)}

    def tests(name, confidence):
        limits = zip((ACCURACY, AUC), uppers[name], ("", "fewer than 1,000 examples"), strict=True)
        return [stands(limit, upper, confidence, why_not) for limit, upper, why_not in limits]

    proof = choice.prove(found, [*STAKES, Stake(AUC, 0.01, 40)], 1000, 0.95, tests)
    (failed,) = (test for test in proof.tested if not test.passed)
    assert (failed.candidate, proof.stopped_at) == ("b", ["b"])
    assert [limit.limit for limit in failed.broken] == ["ROC AUC"]
    assert proof.not_tested["c"].startswith("not tested: ")
    assert proof.why_not == "ROC AUC: fewer than 1,000 examples"


def test_of_many_limits_that_are_estimates_the_first_are_named():
    parts = [AUC.model_copy(update={"name": f"ROC AUC where shop = {place}"}) for place in range(9)]

    def tests(name, confidence):
        return [stands(limit, 0.0, confidence, "fewer than 300 examples") for limit in parts]

    stakes = [Stake(limit, 0.01, 40) for limit in parts]
    found = [choice.Contender("a", "a", 0.5, [np.zeros(0)] * len(parts))]
    assert choice.prove(found, stakes, 1000, 0.95, tests).why_not == (
        "ROC AUC where shop = 0, ROC AUC where shop = 1, ROC AUC where shop = 2 and 6 more limits: "
        "fewer than 300 examples"
    )


def test_a_baseline_that_breaks_a_limit_that_stands_alone_ends_it_before_a_candidate_is_looked_at():
    found, asked = contenders(a=0.0, b=0.0), []
    failed = choice.test_of("none--none", 0.95, [stands(ACCURACY, 0.2, 0.95)])

    def tests(name, confidence):
        asked.append(name)
        return [stands(ACCURACY, 0.0, confidence)]

    proof = choice.prove(found, STAKES, 1000, 0.95, tests, failed)
    assert (proof.stopped_at, proof.passed, asked) == (["none--none"], [], [])
    assert set(proof.not_tested) == {"a", "b"}
    kept = choice.test_of("none--none", 0.95, [stands(ACCURACY, 0.0, 0.95)])
    proof = choice.prove(found, STAKES, 1000, 0.95, tests, kept)
    assert proof.tested[0].candidate == "none--none"
    assert set(proof.passed) == {"none--none", *asked}


def test_without_contenders_there_is_nothing_to_prove():
    proof = prove([], {})
    assert proof.order == proof.tested == []


@pytest.mark.parametrize(("n", "budget"), [(351, 0.03), (2000, 0.01)])
def test_a_limit_at_one_level_holds_at_a_higher_one(n, budget):
    """Sequences that join hand on shares: what passes with a small one must pass with a larger one."""
    for gains in range(12):
        most = [most_losses(gains, n, budget, level) for level in (0.01, 0.05 / 3, 0.025, 0.03, 0.04, 0.05)]
        assert most == sorted(most)


def most_losses(gains, n, budget, level):
    """Returns the most losses with which a candidate passes at a level."""
    passing, failing = -1, 60
    while failing - passing > 1:
        middle = (passing + failing) // 2
        passes = paired_proportions.upper_limit(middle, gains, n, 1 - level) <= budget
        passing, failing = (middle, failing) if passes else (passing, middle)
    return passing


def test_two_hundred_candidates_on_ten_thousand_examples_are_decided_in_seconds():
    random = np.random.default_rng(0)
    drops = np.linspace(0, 0.02, 200)

    def scores(examples):
        right = random.random((200, examples)) < (0.95 - drops[:, None])
        return (random.random(examples) < 0.95).astype(np.float32), right.astype(np.float32)

    (before, after), (test_before, test_after) = scores(5_000), scores(10_000)
    memory, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    budget = Budget(max_accuracy_drop=0.01)
    split = Split("classification", None, 10_000, lambda: np.zeros(10_000, np.int64))
    (demand,) = demands(budget, split)

    def tests(name, confidence):
        one, other = (Examples(each, np.empty((10_000, 0))) for each in (test_before, test_after[int(name)]))
        return [demand.test(split, one, other, confidence)]

    found = [
        choice.Contender(
            str(i),
            str(i // 4),
            0.99 - i * 0.004,
            [significance.losses(before, after[i], 0.01, "classification")],
        )
        for i in range(200)
    ]
    proof = choice.prove(
        found,
        [Stake(demand.limit, 0.01, 10_000, 0.01)],
        10_000,
        0.95,
        tests,
    )
    for name in range(200):
        assert tests(name, 0.95)[0].method == "exact paired proportions"
    assert proof.tested
    # How fast it is, benchmarks/deciding.py says: this is for growth of another order, on any machine.
    assert time.process_time() - start < 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 500_000
