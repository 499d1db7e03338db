"""The proof's guarantee, computed exactly: sums of trinomial probabilities over the tables that pass."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from trimtab.evaluate.bounds import paired_proportions as exact

CONFIDENCE, ALPHA = 0.95, 0.05
Z = 1.6448536269514722


def most_losses_that_pass(n, budget, gains):
    """Returns the most losses that pass, by number of gains: of the exact test, and of Tango's score test."""
    ours, score = [], []
    for gain in gains:
        losses = np.arange(n - gain + 1)
        passing = np.flatnonzero(exact.score(losses.astype(float), float(gain), n, budget) <= -Z)
        tango = int(passing[-1]) if passing.size else -1
        most = tango + 1
        while most >= 0 and exact.p_value(most, int(gain), n, budget, CONFIDENCE) > ALPHA:
            most -= 1
        ours.append(most)
        score.append(tango)
    return np.array(ours), np.array(score)


def pass_probability(most, gains, n, p_gain, drop):
    """Returns P(losses <= most[gains]); tables with other numbers of gains are below 1e-9 together."""
    weight = binom.pmf(gains, n, p_gain)
    assert weight.sum() > 1 - 1e-9
    return float((weight * binom.cdf(most, n - gains, (p_gain + drop) / (1 - p_gain))).sum())


def gains_for(n, p_gains):
    high = n * max(p_gains)
    return np.arange(min(n, int(high + 7 * np.sqrt(high) + 8)) + 1)


P_GAINS = (0.0, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 0.03)


@pytest.mark.parametrize(
    ("n", "budget"),
    [
        *[(60, 0.05), (360, 0.01), (360, 0.02), (500, 0.005), (500, 0.01), (500, 0.02)],
        *[(2000, 0.005), (2000, 0.01), (2000, 0.02), (10_000, 0.001)],
        pytest.param(10_000, 0.005, marks=pytest.mark.slow),
        pytest.param(10_000, 0.01, marks=pytest.mark.slow),
    ],
)
def test_at_and_past_the_budget_at_most_five_percent_pass(n, budget):
    p_gains = P_GAINS if n < 10_000 or budget > 0.001 else P_GAINS[:-2]
    gains = gains_for(n, p_gains)
    ours, score = most_losses_that_pass(n, budget, gains)
    for p_gain in p_gains:
        assert pass_probability(ours, gains, n, p_gain, budget) <= ALPHA
        assert pass_probability(ours, gains, n, p_gain, 1.1 * budget) <= ALPHA
        power, plain = (pass_probability(most, gains, n, p_gain, 0.0) for most in (ours, score))
        assert power >= plain - 0.035, f"p_gain {p_gain}: power {power:.3f}, Tango's {plain:.3f}"


@pytest.mark.parametrize(
    ("n", "budget", "p_gain", "power"),
    [
        (360, 0.01, 0.0, 0.99),
        (500, 0.01, 0.001, 0.9),
        (500, 0.02, 0.01, 0.85),
        (2000, 0.01, 0.01, 0.9),
        (10_000, 0.005, 0.01, 0.95),
    ],
)
def test_candidates_as_good_as_the_baseline_usually_pass(n, budget, p_gain, power):
    gains = gains_for(n, [p_gain])
    ours, _ = most_losses_that_pass(n, budget, gains)
    assert pass_probability(ours, gains, n, p_gain, 0.0) >= power


def test_the_score_test_alone_would_pass_too_often():
    """Why the exact limit is there: with 270 examples, none of them lost, the score test proves one point."""
    assert exact.score_limit(0, 0, 270, CONFIDENCE) < 0.01
    assert 0.99**270 > 0.06
    assert exact.upper_limit(0, 0, 270, CONFIDENCE) > 0.01


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99, 0.999])
def test_limit_and_test_agree(confidence):
    rng = np.random.default_rng(0)
    for _ in range(40):
        n = int(rng.choice([5, 60, 360, 2000, 10_000]))
        p_gain = 10 ** rng.uniform(-4, -1)
        losses, gains, _ = rng.multinomial(n, [p_gain + 0.01, p_gain, 0.99 - 2 * p_gain])
        limit = exact.upper_limit(int(losses), int(gains), n, confidence)
        alpha = 1 - confidence
        if limit < 1:
            assert exact.p_value(int(losses), int(gains), n, limit + 1e-6, confidence) <= alpha
        assert exact.p_value(int(losses), int(gains), n, limit - 1e-5, confidence) >= alpha - 1e-9
        assert limit > (losses - gains) / n


def test_limit_grows_with_losses_and_falls_with_gains():
    table = np.array([[exact.upper_limit(b, c, 360, CONFIDENCE) for c in range(12)] for b in range(12)])
    assert (np.diff(table, axis=0) > 0).all()
    # Below one loss in 300 the limits of neighbours may be equal to within the nuisance interval's steps.
    assert (np.diff(table, axis=1) < 3e-4).all()


def test_zero_losses_give_the_rule_of_three():
    for n in (60, 360, 10_000):
        assert exact.upper_limit(0, 0, n, CONFIDENCE) == pytest.approx(3.02 / n, rel=0.03)


@pytest.mark.parametrize(
    ("losses", "gains", "n"), [(0, 0, 1), (1, 0, 1), (0, 1, 1), (5, 0, 5), (0, 60, 60), (60, 0, 60)]
)
def test_extreme_tables_have_limits(losses, gains, n):
    assert (losses - gains) / n <= exact.upper_limit(losses, gains, n, CONFIDENCE) <= 1


@pytest.mark.parametrize(("losses", "gains"), [(60, 20), (120, 80), (300, 250), (0, 0), (700, 650)])
def test_a_limit_takes_few_evaluations(monkeypatch, losses, gains):
    """Each is a probability for every likely number of gains and every step of the nuisance parameter."""
    evaluate, cells = exact._probability, []

    def counted(p_gains, drop, gains, *rest):
        cells.append(len(p_gains) * len(gains))
        return evaluate(p_gains, drop, gains, *rest)

    monkeypatch.setattr(exact, "_probability", counted)
    exact.upper_limit.cache_clear()
    exact.upper_limit(losses, gains, 10_000, CONFIDENCE)
    assert len(cells) <= 12
    assert sum(cells) <= 100_000
