from __future__ import annotations

from trimtab.artifacts.proof import Limit, LimitTest, Proof, ProofTest, Turn
from trimtab.report.words import proof as words

LIMIT = Limit.model_validate({"metric": "accuracy", "bound": "proportions", "max_loss": 0.03})


def proof(**changes):
    values = {
        "rule": "fixed_sequence",
        "confidence": 0.95,
        "examples": 351,
        "limits": [LIMIT],
        "order": [
            Turn(candidate="a", share=1.0, then="b"),
            Turn(candidate="b", share=0.0, then="c"),
            Turn(candidate="c", share=0.0),
        ],
        "tested": [
            ProofTest(candidate="a", confidence=0.95, upper_bound=0.01, passed=True),
            ProofTest(candidate="b", confidence=0.95, upper_bound=0.042, passed=False),
        ],
        "stopped_at": ["b"],
        "not_tested": {"c": "not tested: its sequence ended before it"},
    }
    return Proof(**{**values, **changes})


def test_it_says_how_many_were_tested_in_which_order_where_it_stopped_and_who_was_not():
    assert words.sentence(proof()) == (
        "2 of 3 were tested, one after the other at 95 % confidence, in an order made without test labels: "
        "a → b → c; stopped at b, whose loss could be 4.20 points; not tested: c."
    )


def test_a_claim_of_many_limits_is_short():
    limits = [LIMIT.model_copy(update={"part": f"class {name}"}) if name else LIMIT for name in ("", *"abcd")]
    assert words.claim(proof(limits=limits), "accuracy") == (
        "with 95 % confidence accuracy at most 3.00 points below the baseline's and 4 more limits, whichever "
        "was chosen"
    )


def test_the_claim_is_the_budget_not_the_limit_of_the_one_that_was_chosen():
    assert words.claim(proof(), "accuracy") == (
        "with 95 % confidence at most 3.00 points below the baseline's, whichever was chosen"
    )
    assert words.claim(proof(), "macro_f1") == (
        "with 95 % confidence accuracy at most 3.00 points below the baseline's, whichever was chosen"
    )


def test_of_several_limits_each_is_named_with_the_first_that_does_not_hold():
    floor = Limit(
        metric="recall",
        name="recall of fraud",
        kind="min",
        value=0.8,
        unit="points",
        bound="proportions",
        max_loss=0.0,
    )

    def test_of(limit, holds):
        return LimitTest(
            limit=limit.name, loss=0.0, upper_bound=0.123, confidence=0.95, holds=holds, method="exact"
        )

    tested = [
        ProofTest(candidate="a", confidence=0.95, upper_bound=0.01, passed=True),
        ProofTest(
            candidate="b",
            confidence=0.95,
            upper_bound=0.01,
            passed=False,
            limits=[test_of(LIMIT, True), test_of(floor, False)],
        ),
    ]
    found = proof(limits=[LIMIT, floor], tested=tested)
    assert words.claim(found) == (
        "with 95 % confidence accuracy at most 3.00 points below the baseline's and recall of fraud at least "
        "80.00 %, whichever was chosen"
    )
    assert "stopped at b, whose recall of fraud could be past 0.8 by 12.30 points" in words.sentence(found)


def test_an_estimate_is_never_called_proven():
    estimate = proof(proven=False, why_not="the config asks for an estimate", rule="estimate")
    for text in (words.claim(estimate), words.sentence(estimate)):
        assert "estimate" in text
        assert "confidence" not in text


def test_sequences_that_join_are_written_out_once():
    order = [
        Turn(candidate="a", share=0.5, then="c"),
        Turn(candidate="b", share=0.5, then="c"),
        Turn(candidate="c", share=0.0, then="d"),
        Turn(candidate="d", share=0.0),
    ]
    shared = proof(rule="shared_sequences", order=order)
    assert words.order(shared) == "a → c → d; b → c"
    assert words.rule(shared).startswith("in 2 sequences that share the risk of 5 %")


def test_without_a_test_nothing_is_said():
    assert words.sentence(proof(tested=[], stopped_at=[], not_tested={})) == ""


def test_a_limit_that_stands_alone_is_asked_of_the_baseline_first():
    floor = Limit(
        metric="recall",
        name="recall",
        kind="min",
        value=0.8,
        unit="points",
        bound="proportions",
        max_loss=0.0,
    )
    assert "first the baseline, then one after the other" in words.sentence(proof(limits=[floor]))
    failed = ProofTest(
        candidate="none--none",
        confidence=0.95,
        upper_bound=0.1,
        passed=False,
        limits=[
            LimitTest(limit="recall", loss=0.0, upper_bound=0.1, confidence=0.95, holds=False, method="exact")
        ],
    )
    nothing = proof(
        limits=[floor], order=[], tested=[failed], stopped_at=["none--none"], not_tested={"a": "not tested"}
    )
    assert words.sentence(nothing) == (
        "1 of 2 were tested, first the baseline, which ships if nothing else passes; stopped at none--none, "
        "whose recall could be past 0.8 by 10.00 points; not tested: a."
    )
