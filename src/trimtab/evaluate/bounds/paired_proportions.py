"""An exact upper confidence limit for the drop in accuracy between two models on the same examples.

Of n test examples the baseline alone is right on ``losses``, the candidate alone on ``gains``: a trinomial
draw with probabilities p_loss and p_gain. The drop is p_loss - p_gain. Small drops make small counts, where
asymptotic limits are too optimistic, so this one is exact:

- Tables are ordered by the upper limit of the score test for paired non-inferiority (T. Tango, "Equivalence
  test and confidence interval for the difference in proportions for the paired-sample design", Statistics in
  Medicine 17, 1998), which has nearly the best power known.
- The limit is Buehler's (R. J. Buehler, "Confidence intervals for the product of two binomial parameters",
  JASA 52, 1957): the largest drop for which tables that rank no higher than the one seen still have a
  probability above 1 - confidence, whatever p_gain is. Its coverage is at least the confidence, by
  construction. (C. J. Lloyd and M. V. Moldovan, "Exact one-sided confidence limits for the difference between
  two correlated proportions", Statistics in Medicine 26, 2007, do the same.)
- "Whatever p_gain is" means: anywhere in a Clopper-Pearson interval that misses it with a probability of a
  fiftieth of the significance level, which is paid for from that level (R. L. Berger and D. D. Boos, "P
  values maximized over a confidence set for the nuisance parameter", JASA 89, 1994). That keeps the power,
  and makes it fast.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import betainc, betaincinv, gammaln, ndtri, xlog1py, xlogy

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]

_NUISANCE_SHARE = 1 / 50
_GRID = 25
_NEGLIGIBLE = 1e-7
_PRECISION = 1e-7


@lru_cache(maxsize=4096)
def upper_limit(losses: int, gains: int, n: int, confidence: float) -> float:
    """Returns the largest drop in accuracy that the table does not rule out.

    Args:
        losses: Examples that only the baseline gets right.
        gains: Examples that only the candidate gets right.
        n: All test examples.
        confidence: One-sided confidence, such as 0.95.
    """
    start = score_limit(losses, gains, n, confidence)
    p_value = _p_value_function(losses, gains, n, start, confidence)
    alpha = 1 - confidence

    def excess(drop: float) -> float:
        return p_value(drop) - alpha

    step = max(start - (losses - gains) / n, 1 / n) / 4
    low, high = _bracket(excess, start, step)
    if high >= 1:
        return 1.0
    return min(float(brentq(excess, low, high, xtol=_PRECISION)) + _PRECISION, 1.0)


def p_value(losses: int, gains: int, n: int, drop: float, confidence: float) -> float:
    """Returns the exact p-value against a drop of at least ``drop``; ``upper_limit`` inverts it."""
    start = score_limit(losses, gains, n, confidence)
    return _p_value_function(losses, gains, n, start, confidence)(drop)


def score_limit(losses: float, gains: float, n: float, confidence: float) -> float:
    """Returns Tango's (1998) upper limit, which holds asymptotically only."""
    z = float(ndtri(confidence))
    low, high = (losses - gains) / n, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if score(np.float64(losses), np.float64(gains), n, middle) <= -z:
            high = middle
        else:
            low = middle
    return high


def score(losses: _Floats | np.float64, gains: _Floats | np.float64, n: float, drop: float) -> _Floats:
    """Returns Tango's (1998) score statistic against ``drop``: very negative where the drop is smaller."""
    linear = -losses - gains + (2 * n - losses + gains) * drop
    root = np.sqrt(np.maximum(linear**2 + 8 * n * gains * drop * (1 - drop), 0))
    gain_probability = (root - linear) / (4 * n)
    variance = n * (2 * gain_probability + drop * (1 - drop))
    return np.asarray((losses - gains - n * drop) / np.sqrt(np.maximum(variance, 1e-300)))


def _p_value_function(
    losses: int, gains: int, n: int, limit: float, confidence: float
) -> Callable[[float], float]:
    """Returns drop -> sup over p_gain of P(a table ranks no higher than this one) + the nuisance risk."""
    risk = (1 - confidence) * _NUISANCE_SHARE
    tail = risk / 2
    low = betaincinv(gains, n - gains + 1, tail) if gains else 0.0
    high = betaincinv(gains + 1, n - gains, 1 - tail) if gains < n else 1.0
    p_gains = np.linspace(np.sqrt(low), np.sqrt(high), _GRID) ** 2
    counts = _gain_counts(low, high, n)
    most = _most_losses(limit, counts, n, float(ndtri(confidence)))
    most = np.where(counts == gains, np.maximum(most, losses), most)
    most = np.maximum.accumulate(most)

    def p_value(drop: float) -> float:
        possible = np.clip(p_gains, max(0.0, -drop), (1 - drop) / 2)
        return float(_probability(possible, drop, counts, most, n).max()) + risk

    return p_value


def _gain_counts(low: float, high: float, n: int) -> _Ints:
    """Returns the numbers of gains that are at all likely while p_gain is between ``low`` and ``high``."""
    first = n * low - 5 * np.sqrt(n * low * (1 - low)) - 3
    last = n * high + 5 * np.sqrt(n * high * (1 - high)) + 8
    return np.arange(max(0, int(first)), min(n, int(last)) + 1)


def _most_losses(limit: float, gains: _Ints, n: int, z: float) -> _Ints:
    """Returns the most losses whose score limit is at most ``limit``, by number of gains; -1 for none."""
    passing, failing = np.full(gains.shape, -1), n - gains + 1
    while np.any(failing - passing > 1):
        middle = (passing + failing) // 2
        enough = score(middle.astype(float), gains.astype(float), n, limit) <= -z + 1e-9
        passes = (middle > passing) & (middle < failing) & enough
        passing = np.where(passes, middle, passing)
        failing = np.where(passes | (failing - passing <= 1), failing, middle)
    return passing


def _probability(p_gains: _Floats, drop: float, gains: _Ints, most: _Ints, n: int) -> _Floats:
    """Returns P(losses <= most[gains]) for each p_gain; what is left out of the sum counts as probable."""
    mass = np.exp(
        gammaln(n + 1)
        - gammaln(gains + 1)
        - gammaln(n - gains + 1)
        + xlogy(gains, p_gains[:, None])
        + xlog1py(n - gains, -p_gains[:, None])
    )
    counted = mass > _NEGLIGIBLE
    row, column = np.nonzero(counted & (most >= 0))
    trials, losses = n - gains[column], most[column]
    p_loss = np.clip((p_gains + drop) / np.maximum(1 - p_gains, 1e-300), 0, 1)[row]
    below = np.where(losses >= trials, 1.0, betainc(np.maximum(trials - losses, 0.5), losses + 1, 1 - p_loss))
    terms = np.zeros(mass.shape)
    terms[row, column] = mass[row, column] * below
    return np.asarray(terms.sum(axis=1) + np.maximum(1 - np.where(counted, mass, 0).sum(axis=1), 0))


def _bracket(excess: Callable[[float], float], start: float, step: float) -> tuple[float, float]:
    """Returns drops, at most -1 to 1, between which ``excess`` (which falls) changes its sign."""
    low = high = start
    if excess(start) > 0:
        while high < 1 and excess(high) > 0:
            low, high, step = high, min(high + step, 1.0), 2 * step
        return low, high
    while low > -1 and excess(low) <= 0:
        low, high, step = max(low - step, -1.0), low, 2 * step
    return low, high
