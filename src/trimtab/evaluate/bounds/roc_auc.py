"""The area under the ROC curve.

Its variance is that of DeLong's structural components (E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson,
"Comparing the areas under two or more correlated receiver operating characteristic curves", Biometrics 44,
1988), which mid-ranks give in O(n log n) (X. Sun and W. Xu, "Fast implementation of DeLong's algorithm", IEEE
Signal Processing Letters 21, 2014). Of rows in groups, components are added up by group (N. A. Obuchowski,
"Nonparametric analysis of clustered ROC curve data", Biometrics 53, 1997). The limit is that of a t test
which is corrected for skewness, and in which the worst component counts twice: ``skewed_means``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.evaluate.bounds import skewed_means
from trimtab.evaluate.bounds.base import Bound, Floats, Groups, Needs, totals

NEEDS = Needs(examples=300, rarest=50)
_PAIRED, _ONE = "DeLong's covariance, paired", "DeLong's variance"
_BY_GROUP = "DeLong's components, cluster-robust"


def roc_auc(
    labels: NDArray[Any],
    before: Floats | None,
    after: Floats,
    confidence: float,
    groups: Groups | None = None,
    *,
    least: float = 0.0,
) -> Bound:
    """Returns the bound of a loss of area.

    Args:
        labels: Whether each example is positive, ``(n,)``.
        before: The baseline's scores, ``(n,)``, larger where an example is more likely positive; None: the
            candidate's own area is held against ``least``.
        after: The candidate's, on the same examples.
        confidence: One-sided, such as 0.95.
        groups: The group of each example, ``(n,)``; None: each is its own.
        least: Without a baseline: the smallest area that is allowed.

    Returns:
        The bound; where one of the classes is missing, a limit of 1 that is not proven.
    """
    positive = np.asarray(labels).astype(bool)
    rarest = positive if 2 * positive.sum() <= len(positive) else ~positive
    method = _BY_GROUP if groups is not None else _ONE if before is None else _PAIRED
    if not rarest.any():
        return Bound.of(0.0, 1.0, method, "one of the two classes has no example")
    area, parts = _components(after, positive)
    loss, parts = least - area, -parts
    if before is not None:
        area_before, parts_before = _components(before, positive)
        loss, parts = area_before - area, parts + parts_before
    upper = loss + float(skewed_means.excess(totals(parts, groups), confidence, NEEDS.worst_counts(groups)))
    return Bound.of(loss, upper, method, NEEDS.unmet(len(positive), groups, rarest))


def _components(scores: Floats, positive: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Returns the area, and how much each example adds to its deviation from what is expected, ``(n,)``."""
    scores = np.asarray(scores, np.float64)
    m, n = int(positive.sum()), int((~positive).sum())
    everywhere = _mid_ranks(scores)
    above = (everywhere[positive] - _mid_ranks(scores[positive])) / n
    below = 1 - (everywhere[~positive] - _mid_ranks(scores[~positive])) / m
    area = float(above.mean())
    parts = np.empty(len(scores))
    parts[positive], parts[~positive] = (above - area) / m, (below - area) / n
    return area, parts


def _mid_ranks(values: Floats) -> Floats:
    """Returns ranks from 1, of which equal values share the mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])
