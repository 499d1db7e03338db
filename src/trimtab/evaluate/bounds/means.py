"""The mean of a loss per example, such as the absolute error, the log loss or the Brier score."""

from __future__ import annotations

import numpy as np

from trimtab.evaluate.bounds import skewed_means
from trimtab.evaluate.bounds.base import Bound, Floats, Groups, Needs, totals

NEEDS = Needs(examples=500)
"""With fewer, damage to a few examples, or groups, passes more often than stated."""

_OF_ERRORS = Needs(examples=500, is_endless=True)

NEEDS_OF_GROUP_SCORES = Needs(least_groups=200)
"""Of groups that have one score each: with fewer, damage to 2 % of the groups, and so to hardly any of these,
passes in 4 to 8 % of tests at 95 % (150 groups), 11 to 17 % (100) and 68 % (20); with as many in 2 %."""

LARGEST_INCREASE = 1000.0
"""The limit of a relative increase where none that is smaller is ruled out."""

_OF_SQUARES = Needs(examples=2_000, is_endless=True)
"""Of squared errors, of which few make the mean."""

_METHOD, _BY_GROUP = (
    "t test of the mean, corrected for skewness",
    "cluster-robust t test, corrected for skewness",
)


def needs_of(*, relative: bool, root: int) -> Needs:
    """Returns from where on the level is kept.

    Args:
        relative: Whether losses are errors, of which an increase is relative to the baseline's.
        root: Of which power of the metric they are.
    """
    if root > 1:
        return _OF_SQUARES
    return _OF_ERRORS if relative else NEEDS


def means(
    before: Floats | None,
    after: Floats,
    confidence: float,
    groups: Groups | None = None,
    *,
    relative: bool = False,
    most: float = 0.0,
    needs: Needs = NEEDS,
) -> Bound:
    """Returns the bound of a mean loss.

    Args:
        before: The baseline's loss on each example, ``(n,)``, none negative where ``relative``; None: the
            candidate's own mean is held against ``most``.
        after: The candidate's on the same examples, ``(n,)``.
        confidence: One-sided, such as 0.95.
        groups: The group of each example, ``(n,)``; None: each is its own.
        relative: Whether the increase is one relative to the baseline's mean.
        most: Without a baseline: the largest mean that is allowed.
        needs: From where on the level is kept: see ``needs_of``.

    Returns:
        The bound; its limit is infinite (relative: 1000) where nothing is ruled out.
    """
    after = np.asarray(after, np.float64)
    ones = np.ones(len(after))
    before = ones * most if before is None else np.asarray(before, np.float64)
    increase = totals(after - before, groups)
    base = totals(before if relative else ones, groups)
    loss = _ratio(increase, base)
    upper = skewed_means.upper_limit(increase, base, confidence, needs.worst_counts(groups))
    if relative:
        loss, upper = min(loss, LARGEST_INCREASE), min(upper, LARGEST_INCREASE)
    method = _METHOD if groups is None else _BY_GROUP
    return Bound.of(loss, upper, method, needs.unmet(len(after), groups))


def _ratio(increase: Floats, base: Floats) -> float:
    total = float(base.sum())
    if total <= 0:
        return np.inf if increase.sum() > 0 else 0.0
    return float(increase.sum()) / total
