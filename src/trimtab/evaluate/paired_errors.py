"""An upper confidence limit for the relative increase of the mean absolute error, on the same examples.

The increase is below ``limit`` if the mean of d = |candidate error| - (1 + limit) |baseline error| is
negative (E. C. Fieller, "Some problems in interval estimation", JRSS B 16, 1954). That is tested one-sided
and paired, with two changes to the t test, which passes too often where errors are skewed or heavy-tailed:

- Skewness is removed by P. Hall's cubic transformation ("On the removal of skewness by transformation", JRSS
  B 54, 1992) of the t statistic, where it makes passing harder and only there.
- The worst difference seen counts twice, for what the examples did not show.

In simulation at 95 %, with 500 and more examples, 2 to 4 % pass at the budget (the t test: 5 to 13 %), over
normal, log-normal and Student t errors (2.1 and 3 degrees of freedom), models that err alike and
independently, and damage to 2 % of the examples and more, of any size. What no test can promise (R. R.
Bahadur and L. J. Savage, "The nonexistence of certain statistical procedures in nonparametric problems",
1956) is to find damage that the test examples hardly hold: where about five of them are hit, up to 7 % pass;
where one is, most do.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

_Floats = NDArray[np.float64]

LARGEST_INCREASE = 1000.0
_PRECISION = 1e-6


def upper_limit(baseline: _Floats, candidate: _Floats, confidence: float) -> float:
    """Returns the largest relative increase of the mean absolute error that the examples do not rule out.

    Args:
        baseline: Absolute errors, ``(n,)``.
        candidate: Absolute errors on the same examples, ``(n,)``.
        confidence: One-sided confidence, such as 0.95.

    Returns:
        The increase as a fraction; 1000 where nothing smaller is ruled out.
    """
    low = -1.0 if baseline.any() else LARGEST_INCREASE
    high = LARGEST_INCREASE
    if low >= high or not rules_out(baseline, candidate, high, confidence):
        return LARGEST_INCREASE
    while high - low > _PRECISION * max(1.0, abs(high)):
        # Halving the ratio, not the range, reaches small increases from a large bracket in few steps.
        middle = math.sqrt((2 + low) * (2 + high)) - 2
        if rules_out(baseline, candidate, middle, confidence):
            high = middle
        else:
            low = middle
    return high


def rules_out(baseline: _Floats, candidate: _Floats, increase: float, confidence: float) -> bool:
    """Returns whether the examples rule out an increase of at least ``increase``."""
    if baseline.size < 2:
        return False
    difference = candidate - (1 + increase) * baseline
    difference = np.append(difference, difference.max())
    mean, spread = float(difference.mean()), float(difference.std())
    if mean >= 0 or spread == 0:
        return mean < 0
    root = math.sqrt(difference.size)
    t = mean * root / spread
    skew = float((((difference - mean) / spread) ** 3).mean()) / root
    if skew > 0:
        t = ((1 + skew * t / 3) ** 3 - 1) / skew + skew / 6
    return t <= float(stdtrit(baseline.size - 1, 1 - confidence))
