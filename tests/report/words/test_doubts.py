import pytest

from trimtab.artifacts.proof import Limit, LimitTest, Proof, ProofTest, Reuse
from trimtab.report.words.doubts import doubts


def proof(**changes):
    found = {"rule": "fixed_sequence", "confidence": 0.95, "examples": 351}
    limits = [Limit(metric="accuracy", bound="proportions", max_loss=0.01)]
    return Proof(**{**found, "limits": limits, **changes})


def used(decisions, rule="warn"):
    return Reuse(rule=rule, test_rows="ab", decisions=decisions, same_limits=1, asked=0.95)


def a_test(name, **upper_bounds):
    limits = [
        LimitTest(limit=limit, loss=0.0, upper_bound=upper, confidence=0.95, holds=True, method="exact")
        for limit, upper in upper_bounds.items()
    ]
    first = limits[0].upper_bound
    return ProofTest(candidate=name, confidence=0.95, upper_bound=first, passed=True, limits=limits)


def test_a_candidate_that_is_proven_better_says_that_the_baseline_was_undertrained():
    tests = [a_test("none--int8", accuracy=-0.002), a_test("none--float16", accuracy=0.004)]
    (text,) = doubts(proof(tested=tests))
    assert text.startswith("none--int8 is better than the baseline that it was made from, 95 % sure")
    assert "the baseline was undertrained" in text


def test_what_rounding_gains_is_no_sign_of_too_little_training():
    limits = [Limit(metric="log_loss", bound="means", max_loss=0.05)]
    assert not list(doubts(proof(limits=limits, tested=[a_test("none--float16", log_loss=-1e-5)])))
    assert list(doubts(proof(limits=limits, tested=[a_test("magnitude--none", log_loss=-1e-3)])))


def test_one_that_is_above_a_floor_need_not_be_better_than_the_baseline():
    floor = {"metric": "accuracy", "name": "accuracy", "kind": "min", "value": 0.9, "unit": "points"}
    above = a_test("none--int8", accuracy=-0.05)
    alone = Limit(**floor, bound="proportions", max_loss=0.0)
    assert not list(doubts(proof(limits=[alone], tested=[above])))


def test_it_is_said_of_any_limit_that_is_a_proof():
    limits = [*proof().limits, Limit(metric="log_loss", bound="means", max_loss=0.1)]
    better = a_test("none--int8", accuracy=0.004, log_loss=-0.01)
    (text,) = doubts(proof(limits=limits, tested=[better]))
    assert text.startswith("none--int8 is better")
    weak = better.model_copy(
        update={"limits": [one.model_copy(update={"proven": False}) for one in better.limits]}
    )
    assert not list(doubts(proof(limits=limits, tested=[weak])))


@pytest.mark.parametrize(("reuse", "count"), [(used(1), 0), (used(2), 1), (used(2, "spend"), 0), (None, 0)])
def test_rows_that_decide_again_are_warned_of_unless_they_are_paid_for(reuse, count):
    assert len(list(doubts(proof(reuse=reuse)))) == count


def test_what_is_not_proven_says_why_unless_it_was_asked_for():
    few = "on 30 test examples, damage to a few of them can go unseen"
    assert list(doubts(proof(proven=False, why_not=few))) == [f"nothing is proven, only estimated: {few}"]
    assert not list(doubts(proof(proven=False, why_not="asked for", rule="estimate")))
