import pytest

from trimtab.artifacts.comparison import Comparison, Rival
from trimtab.artifacts.evaluation import Drop, Latency
from trimtab.artifacts.proof import Limit, LimitTest
from trimtab.report.words import comparison


def rival(size, p50, **metrics):
    return Rival(metrics=metrics, size_bytes=size, latency_ms=Latency(p50=p50, p95=p50, p99=p50, threads=1))


def drop(observed, upper_bound):
    return Drop(observed=observed, upper_bound=upper_bound, confidence=0.95, examples=1250)


def said(*arguments, **after):
    return comparison.finding(comparison_of(*arguments, **after))


def comparison_of(finding, loss, gain, tests=(), **after):
    champion = rival(30_000, 0.1, accuracy=0.95)
    challenger = rival(20_000, 0.1, **(after or {"accuracy": 0.96}))
    if "mae" in after:
        champion = rival(30_000, 0.1, mae=2.0)
    return Comparison(
        promote=False,
        finding=finding,
        why="",
        version=7,
        champion=champion,
        challenger=challenger,
        loss=drop(*loss),
        gain=drop(*gain),
        tolerated=0.01,
        limits=[limit for limit, _ in tests],
        tests=[test for _, test in tests],
        latency_ratio=0.97,
    )


def limit_and_test(metric, bound, *, holds, **about):
    limit = Limit.model_validate({"metric": metric, "bound": bound, "max_loss": 0.01, **about})
    test = LimitTest(
        limit=limit.name, loss=0.0, upper_bound=0.02, confidence=0.95, holds=holds, method="as given"
    )
    return limit, test


@pytest.mark.parametrize(
    ("finding", "parts"),
    [
        ("better", ["better than v7, 95 % sure"]),
        (
            "cheaper",
            [
                "not worse than v7, 95 % sure (at most 0.40 points",
                "and cheaper: 20.0 kB against 30.0 kB",
                "(95 % sure: at most 0.97 times)",
            ],
        ),
        ("no_gain", ["not worse than v7", "but not shown to be better, and not cheaper"]),
        ("unproven", ["not shown to be as good as v7: its loss may be 0.40 points", "at most 1.00 points"]),
        ("worse", ["worse than v7, 95 % sure, by at least 0.20 points of accuracy"]),
    ],
)
def test_every_finding_is_said_with_its_confidence_and_its_examples(finding, parts):
    tests = [limit_and_test("accuracy", "proportions", holds=False)]
    text = said(finding, (-0.01, 0.004), (0.01, -0.002), tests)
    for part in [*parts, "accuracy 96.00 % against 95.00 % on 1,250 fresh test examples"]:
        assert part in text


def test_regression_speaks_of_the_error():
    text = said("cheaper", (0.0, 0.03), (0.0, 0.03), mae=1.9)
    assert "at most 3.00 % more error" in text
    assert "mean absolute error 1.900 against 2.000" in text


def test_the_limits_that_are_not_shown_to_hold_are_named():
    auc = {"name": "ROC AUC", "kind": "max_drop", "value": 0.01, "unit": ""}
    tests = [
        limit_and_test("accuracy", "proportions", holds=True),
        limit_and_test("roc_auc", "area", holds=False, **auc),
    ]
    text = said("unproven", (-0.01, 0.004), (0.01, 0.002), tests)
    assert "ROC AUC must be at most 0.01 below the champion's, and its loss may be 0.02, 95 % sure" in text
    assert "points of accuracy" not in text


def test_every_limit_has_a_line_among_the_proofs():
    auc = {"name": "ROC AUC", "kind": "max_drop", "value": 0.01, "unit": ""}
    tests = [
        limit_and_test("accuracy", "proportions", holds=True),
        limit_and_test("roc_auc", "area", holds=False, **auc),
    ]
    lines = comparison.proofs(comparison_of("unproven", (-0.01, 0.004), (0.01, 0.002), tests))
    assert [line[0] for line in lines] == [
        "of the challenger",
        "of the champion",
        "tolerated as not worse",
        "ROC AUC, at most 0.01 below the champion's",
    ]
    assert lines[-1][1:] == ["0", "0.02"]
