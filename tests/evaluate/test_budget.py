from __future__ import annotations

from dataclasses import replace

import pytest

from trimtab.artifacts.evaluation import Drop, Latency
from trimtab.artifacts.proof import Limit, LimitTest
from trimtab.config.budget import Budget
from trimtab.evaluate import budget
from trimtab.evaluate.demands import headline_limit

ACCURACY = headline_limit(Budget(max_accuracy_drop=0.01), "classification")


def stands(bound, observed=0.0, limit=ACCURACY, confidence=0.95, **about):
    """Returns how a candidate stands to a limit."""
    return LimitTest(
        limit=limit.name,
        loss=observed,
        upper_bound=bound,
        confidence=confidence,
        holds=bound <= limit.max_loss,
        method="exact paired proportions",
        **about,
    )


def finalist(name, p50=1.0, size=100_000, bound=0.0, observed=0.0, needed=None, examples=360):
    drop = Drop(observed=observed, upper_bound=bound, confidence=0.95, examples=examples)
    latency = Latency(p50=p50, p95=p50, p99=p50, threads=1)
    return budget.Finalist(name, drop, latency, size, needed, [stands(bound, observed)])


BASELINE = finalist("none--none")
REASONS = {name: ["too bad, too big"] for name in ("none--none", "far", "close", "lost")}


def test_reasons_are_in_words_with_the_numbers():
    limits = Budget(max_accuracy_drop=0.01, max_latency_ms=0.25, max_size_kb=100)
    over = finalist("a", p50=0.31, size=120_300, bound=0.018, observed=0.004)
    assert budget.unproven(ACCURACY, over.tests[0], 360, "classification") == (
        "accuracy drop could be as large as 1.80 points (95 % confidence, 360 examples); the budget is 1.00, "
        "0.40 points observed"
    )
    assert budget.over_costs(over, limits) == [
        "median latency 0.31 ms > 0.25 ms on this machine",
        "size 120.30 kB > 100.00 kB",
    ]


def test_regression_speaks_of_the_error():
    limit = headline_limit(Budget(), "regression")
    text = budget.unproven(limit, stands(0.071, 0.02, limit), 360, "regression")
    assert text.startswith("mean absolute error could be up to 7.10 % larger (95 % confidence, 360 examples)")
    assert "the budget is 5.00 %" in text


def test_a_share_of_the_level_is_told_as_its_confidence():
    test = stands(0.02, confidence=1 - 0.05 / 3)
    assert "(98.3 % confidence, 360 examples)" in budget.unproven(ACCURACY, test, 360, "classification")


def test_limits_of_other_metrics_are_told_by_their_names():
    about = {"metric": "roc_auc", "name": "ROC AUC where region = north", "unit": "", "bound": "area"}
    drop = Limit(**about, kind="max_drop", value=0.01, max_loss=0.01, part="region = north")
    assert budget.unproven(drop, stands(0.02, 0.005, drop), 360, "classification") == (
        "ROC AUC where region = north could be worse by 0.02 (95 % confidence, 360 examples, by exact paired "
        "proportions); it may be at most 0.01 below the baseline's, 0.005 observed"
    )
    floor = Limit(**about, kind="min", value=0.9, max_loss=0.0, part="region = north")
    assert budget.unproven(floor, stands(0.02, 0.0, floor, value=0.91), 360, "classification") == (
        "ROC AUC where region = north must be at least 0.9: it is 0.91, and may be past that by 0.02 (95 % "
        "confidence, 360 examples)"
    )


def test_a_speedup_is_relative_to_the_baseline():
    limits = Budget(min_speedup=3)
    slow, fast = (
        replace(finalist(name), speedup=by, least_speedup=by) for name, by in (("slow", 2.5), ("fast", 3.0))
    )
    assert budget.over_costs(slow, limits) == ["2.50 times as fast as the baseline < 3.00 times"]
    assert budget.over_costs(fast, limits) == []
    assert budget.over_costs(BASELINE, limits)  # it is no faster than itself
    told = budget.nothing_passes([BASELINE, slow], REASONS | {"slow": ["too slow"]}, limits, [ACCURACY])
    assert "Closest: slow" in told
    assert "It needs budget.min_speedup: 2.5, or a faster recipe." in told


def test_limits_of_latency_are_held_against_the_worse_end_of_the_interval():
    measured = Latency(
        p50=0.9, p95=1, p99=1, threads=1, p50_interval=(0.8, 1.1), medians=[0.8, 0.9, 0.9, 1.0, 1.0]
    )
    one = replace(finalist("one"), latency=measured, speedup=3.1, least_speedup=2.8)
    assert budget.over_costs(one, Budget(max_latency_ms=1.0)) == [
        "median latency 1.10 ms > 1.00 ms on this machine (the upper end over 5 processes; 0.9 ms observed)"
    ]
    assert budget.over_costs(one, Budget(max_latency_ms=1.1, min_speedup=2.8)) == []
    assert budget.over_costs(one, Budget(min_speedup=3)) == [
        "2.80 times as fast as the baseline < 3.00 times (the lower end over 5 processes; 3.1 times observed)"
    ]
    told = budget.nothing_passes([one], {"one": ["too slow"]}, Budget(max_latency_ms=1.0), [ACCURACY])
    assert "It needs budget.max_latency_ms: 1.1" in told


def test_the_tighter_limit_of_latency_holds():
    assert Budget().latency_limit_ms(3.0) is None
    assert Budget(min_speedup=3).latency_limit_ms(3.0) == pytest.approx(1.0)
    assert Budget(min_speedup=3, max_latency_ms=0.5).latency_limit_ms(3.0) == 0.5
    assert Budget(min_speedup=3).latency_limit_ms(None) is None


def test_exactly_on_every_limit_is_within():
    limits = Budget(max_latency_ms=1, max_size_kb=100)
    assert budget.over_costs(finalist("a"), limits) == []


def test_numbers_that_differ_look_different():
    limits = Budget(max_accuracy_drop=0.01, max_latency_ms=0.25)
    over = finalist("a", p50=0.250001, bound=0.010001)
    assert "1.0001 points" in budget.unproven(ACCURACY, over.tests[0], 360, "classification")
    assert "0.250001 ms > 0.250000 ms" in budget.over_costs(over, limits)[0]


@pytest.mark.parametrize(("objective", "cost"), [("latency", 0.25), ("size", 0.01), ("balanced", 0.05)])
def test_the_cost_is_over_the_baselines(objective, cost):
    cheap = finalist("a", p50=0.25, size=1_000)
    assert budget.relative_cost(cheap, BASELINE, Budget(objective=objective)) == pytest.approx(cost)


def test_what_gains_nothing_says_what_was_measured():
    slow = finalist("int16x8", p50=5.1, size=28_000)
    assert budget.no_gain(slow, BASELINE, Budget(objective="latency")) == (
        "not tested: it costs no less than the baseline (5.1 ms against 1, 5.1 times as long)"
    )
    both = budget.no_gain(slow, BASELINE, Budget(objective="balanced"))
    assert both.endswith("5.1 times as long; 28.0 kB against 100.0)")


@pytest.mark.parametrize(
    ("objective", "winner"), [("latency", "fast"), ("size", "small"), ("balanced", "both")]
)
def test_the_objective_picks(objective, winner):
    within = [
        BASELINE,
        finalist("fast", p50=0.2, size=90_000),
        finalist("small", p50=0.9, size=20_000),
        finalist("both", p50=0.3, size=30_000),
    ]
    chosen, why = budget.choose(within, BASELINE, Budget(objective=objective))
    assert chosen.name == winner
    assert why.startswith(f"{winner} is the ")
    assert "of 4 candidates within the budget" in why
    assert "for the baseline" in why


@pytest.mark.parametrize("objective", ["latency", "balanced"])
def test_noise_does_not_decide(objective):
    """A lead of 2 % in time is noise: the smaller file wins, whichever was measured first."""
    for faster, slower in ((0.500, 0.510), (0.510, 0.500)):
        within = [finalist("a", p50=faster, size=50_000), finalist("b", p50=slower, size=49_990)]
        chosen, why = budget.choose(within, BASELINE, Budget(objective=objective))
        assert chosen.name == "b"
        assert "1 more is as good within the noise of 3%" in why


def test_of_equals_the_one_with_the_smaller_drop_wins():
    within = [finalist("a", bound=0.009), finalist("b", bound=0.002), finalist("c", bound=0.002)]
    assert budget.choose(within, BASELINE, Budget(objective="size"))[0].name == "b"


def test_among_those_within_the_noise_size_decides_before_the_drop():
    within = [
        finalist("small", p50=1.02, size=49_000, bound=0.009),
        finalist("safe", p50=1.0, size=49_500, bound=0.001),
    ]
    assert budget.choose(within, BASELINE, Budget(objective="latency"))[0].name == "small"


def test_the_baseline_may_be_the_only_one():
    chosen, why = budget.choose([BASELINE], BASELINE, Budget())
    assert chosen is BASELINE
    assert why == "none--none is the only candidate within the budget: 1 ms and 100.0 kB."


def test_when_nothing_passes_the_closest_is_named_with_what_to_change():
    limits = Budget(max_accuracy_drop=0.01, max_latency_ms=0.5)
    far = finalist("far", p50=5.0)
    close = finalist("close", p50=0.4, bound=0.012, observed=0.002, needed=1234)
    text = budget.nothing_passes([BASELINE, far, close], REASONS, limits, [ACCURACY])
    assert "Closest: close (too bad, too big)" in text
    assert text.endswith("About 1,234 test examples with the same rates would prove its drop.")
    lost = finalist("lost", p50=0.4, bound=0.012, observed=0.011)
    text = budget.nothing_passes([BASELINE, lost], REASONS, limits, [ACCURACY])
    assert text.endswith("For its accuracy: train it longer, compress less, or allow more.")
    text = budget.nothing_passes([BASELINE], REASONS, limits, [ACCURACY])
    assert text.endswith("It needs budget.max_latency_ms: 1, or a smaller model.")
