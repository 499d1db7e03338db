import pytest

from trimtab.artifacts.comparison import Rival
from trimtab.artifacts.evaluation import Drop, Latency
from trimtab.report.words import comparison


def rival(size, p50, **metrics):
    return Rival(metrics=metrics, size_bytes=size, latency_ms=Latency(p50=p50, p95=p50, p99=p50, threads=1))


def drop(observed, upper_bound):
    return Drop(observed=observed, upper_bound=upper_bound, confidence=0.95, examples=1250)


def said(finding, loss, gain, **after):
    champion = rival(30_000, 0.1, accuracy=0.95)
    challenger = rival(20_000, 0.1, **(after or {"accuracy": 0.96}))
    if "mae" in after:
        champion = rival(30_000, 0.1, mae=2.0)
    return comparison.finding(finding, 7, champion, challenger, drop(*loss), drop(*gain), 0.01, 0.97)


@pytest.mark.parametrize(
    ("finding", "parts"),
    [
        ("better", ["better than v7, 95 % sure"]),
        (
            "cheaper",
            [
                "not worse than v7, 95 % sure (at most 0.40 points",
                "and cheaper: 20.0 KB against 30.0 KB",
                "(95 % sure: at most 0.97 times)",
            ],
        ),
        ("no_gain", ["not worse than v7", "but not proven better, and not cheaper"]),
        ("unproven", ["not shown to be as good as v7: its loss may be 0.40 points", "at most 1.00 points"]),
        ("worse", ["worse than v7, 95 % sure, by at least 0.20 points of accuracy"]),
    ],
)
def test_every_finding_is_said_with_its_confidence_and_its_examples(finding, parts):
    text = said(finding, (-0.01, 0.004), (0.01, -0.002))
    for part in [*parts, "accuracy 96.00 % against 95.00 % on 1,250 fresh test examples"]:
        assert part in text


def test_regression_speaks_of_the_error():
    text = said("cheaper", (0.0, 0.03), (0.0, 0.03), mae=1.9)
    assert "at most 3.00 % more error" in text
    assert "mean absolute error 1.900 against 2.000" in text
