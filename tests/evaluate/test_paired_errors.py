"""False passes and power of the limit on the error's increase, simulated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import stdtrit

from trimtab.evaluate import paired_errors

BUDGET = 0.05


def draw(rng, kind, shape, increase):
    """Returns |errors| of a baseline, and of a candidate whose mean error is larger by ``increase``."""
    law, damage = kind.split("-")
    draws = {
        "normal": lambda: np.abs(rng.normal(size=shape)),
        "t3": lambda: np.abs(rng.standard_t(3, shape)),
        "t2": lambda: np.abs(rng.standard_t(2.1, shape)),
        "lognormal": lambda: rng.lognormal(0, 1, shape),
    }
    means = {"normal": np.sqrt(2 / np.pi), "t3": 2 * np.sqrt(3) / np.pi, "lognormal": np.exp(0.5)}
    before = draws[law]()
    if damage == "everywhere":
        return before, before * (1 + increase) * rng.lognormal(-0.045, 0.3, shape)
    if damage == "independent":
        return before, draws[law]() * (1 + increase)
    hit = rng.random(shape) < 0.02
    return before, before + hit * rng.exponential(1, shape) * increase * means[law] / 0.02


def passes(before, candidate):
    """``paired_errors.rules_out`` for many samples at once, ``(samples, n)``."""
    difference = candidate - (1 + BUDGET) * before
    difference = np.concatenate([difference, difference.max(axis=1, keepdims=True)], axis=1)
    root, spread = np.sqrt(difference.shape[1]), difference.std(axis=1)
    t = difference.mean(axis=1) * root / spread
    centred = difference - difference.mean(axis=1, keepdims=True)
    skew = np.maximum((centred**3).mean(axis=1) / spread**3, 1e-9) / root
    return t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6 <= stdtrit(before.shape[1] - 1, 0.05)


KINDS = [f"{law}-everywhere" for law in ("normal", "t3", "lognormal")]
KINDS += [f"{law}-independent" for law in ("normal", "t3", "t2", "lognormal")]
KINDS += [f"{law}-rare" for law in ("normal", "t3", "lognormal")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [500, 2000])
def test_at_the_budget_at_most_five_percent_pass(kind, n):
    rng, repeats = np.random.default_rng(7), 4_000_000 // n
    found = passes(*draw(rng, kind, (repeats, n), BUDGET)).mean()
    assert found <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repeats)


@pytest.mark.parametrize(
    ("kind", "power"), [("normal-everywhere", 0.7), ("t3-everywhere", 0.5), ("t3-rare", 0.99)]
)
def test_candidates_as_good_as_the_baseline_usually_pass(kind, power):
    rng = np.random.default_rng(8)
    assert passes(*draw(rng, kind, (2000, 500), 0.0)).mean() >= power


def test_the_vectorized_rule_is_the_one_that_ships():
    rng = np.random.default_rng(9)
    before, candidate = draw(rng, "t3-everywhere", (200, 100), 0.02)
    one_by_one = [paired_errors.rules_out(b, c, BUDGET, 0.95) for b, c in zip(before, candidate, strict=True)]
    assert one_by_one == passes(before, candidate).tolist()


@pytest.mark.parametrize("n", [20, 60, 2000])
def test_limit_and_test_agree(n):
    rng = np.random.default_rng(n)
    before, candidate = draw(rng, "lognormal-everywhere", (n,), 0.03)
    limit = paired_errors.upper_limit(before, candidate, 0.95)
    assert candidate.mean() / before.mean() - 1 < limit
    assert paired_errors.rules_out(before, candidate, limit, 0.95)
    assert not paired_errors.rules_out(before, candidate, limit - 1e-4 * (1 + abs(limit)), 0.95)


def test_the_same_errors_prove_no_increase():
    errors = np.random.default_rng(0).random(100)
    assert paired_errors.upper_limit(errors, errors, 0.95) == pytest.approx(0, abs=1e-5)


def test_what_cannot_be_ruled_out_has_the_largest_limit():
    errors = np.random.default_rng(0).random(100)
    assert paired_errors.upper_limit(np.zeros(100), errors, 0.95) == paired_errors.LARGEST_INCREASE
    assert paired_errors.upper_limit(errors[:1], errors[:1], 0.95) == paired_errors.LARGEST_INCREASE
