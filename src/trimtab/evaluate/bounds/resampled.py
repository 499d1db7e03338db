"""Any metric at all, by a paired bootstrap: the same examples are drawn for both models.

The limit is BCa (B. Efron, "Better bootstrap confidence intervals", JASA 82, 1987): a percentile of the
bootstrap's losses that is corrected for bias and for a variance that changes with the loss (the acceleration,
from a jackknife over blocks). Its quantile is widened as a t test's is (T. Hesterberg, "What teachers should
know about the bootstrap", The American Statistician 69, 2015). Groups are drawn whole (A. C. Davison and D.
V. Hinkley, "Bootstrap methods and their application", 1997, section 3.8). Draws are the same for the same
number of examples and groups.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

from trimtab.evaluate.bounds.base import Bound, Floats, Groups, Needs, count

Metric = Callable[[NDArray[Any], NDArray[Any]], float]
"""``(labels, answers) -> value``, of the same examples in the same order."""

NEEDS = Needs(examples=1_000, rarest=200)
_DRAWS, _TAIL_DRAWS, _BLOCKS, _SEED = 1_000, 20, 200, 0
_PAIRED, _ONE, _BY_GROUP = "paired BCa bootstrap", "BCa bootstrap", "BCa bootstrap of whole groups"
_Ints = NDArray[np.int64]


def resampled(
    metric: Metric,
    labels: NDArray[Any],
    before: NDArray[Any] | None,
    after: NDArray[Any],
    confidence: float,
    groups: Groups | None = None,
    *,
    higher_is_better: bool = True,
    relative: bool = False,
    allowed: float = 0.0,
) -> Bound:
    """Returns the bound of a loss in a metric.

    Args:
        metric: Of labels and answers; where it is not finite, nothing is ruled out.
        labels: Of each example, ``(n, ...)``; whole numbers are classes.
        before: The baseline's answers, ``(n, ...)``; None: the candidate's own value is held against
            ``allowed``.
        after: The candidate's, on the same examples.
        confidence: One-sided, such as 0.95.
        groups: The group of each example, ``(n,)``; None: each is its own.
        higher_is_better: Which way the metric is better.
        relative: Whether the loss is one relative to the baseline's value.
        allowed: Without a baseline: the worst value that is allowed.
    """
    sign = -1.0 if higher_is_better else 1.0

    def loss(rows: _Ints | slice) -> float:
        now = metric(labels[rows], after[rows])
        then = allowed if before is None else metric(labels[rows], before[rows])
        worse = sign * (now - then) / (abs(then) if relative else 1.0)
        return float(worse) if math.isfinite(worse) else math.inf

    with np.errstate(divide="ignore", invalid="ignore"):
        seen = loss(slice(None))
        upper = _bca(loss, seen, _Units(len(labels), groups), confidence)
    method = _BY_GROUP if groups is not None else _ONE if before is None else _PAIRED
    return Bound.of(seen, upper, method, NEEDS.unmet(len(labels), groups, _rarest(labels)))


class _Units:
    """What is drawn: examples, or groups of them.

    Args:
        n: How many examples there are.
        groups: The group of each, ``(n,)``; None: each is its own.
    """

    def __init__(self, n: int, groups: Groups | None) -> None:
        self.count = n if groups is None else count(groups)
        self._random = np.random.default_rng(_SEED)
        self._order = self._starts = self._sizes = None
        if groups is not None:
            codes = np.unique(groups, return_inverse=True)[1]
            self._order = np.argsort(codes, kind="stable")
            self._sizes = np.bincount(codes)
            self._starts = np.cumsum(self._sizes) - self._sizes

    def draws(self, times: int) -> Iterator[_Ints]:
        """Yields the rows of so many samples that are drawn with replacement."""
        for _ in range(times):
            yield self.rows(self._random.integers(self.count, size=self.count))

    def without_blocks(self) -> Iterator[_Ints]:
        """Yields the rows that are left without one block of units after the other."""
        shuffled = self._random.permutation(self.count)
        for block in np.array_split(shuffled, min(_BLOCKS, self.count)):
            yield self.rows(np.setdiff1d(shuffled, block, assume_unique=True))

    def rows(self, units: _Ints) -> _Ints:
        """Returns the rows of some units."""
        if self._order is None or self._sizes is None or self._starts is None:
            return units
        sizes = self._sizes[units]
        within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return np.asarray(self._order[np.repeat(self._starts[units], sizes) + within])


def _bca(loss: Callable[[_Ints], float], seen: float, units: _Units, confidence: float) -> float:
    times = max(_DRAWS, math.ceil(_TAIL_DRAWS / (1 - confidence)))
    draws = np.sort([loss(rows) for rows in units.draws(times)])
    if units.count < 2 or not math.isfinite(seen):
        return math.inf
    below = (float((draws < seen).sum()) + float((draws == seen).sum()) / 2) / times
    bias = float(ndtri(np.clip(below, 1 / times, 1 - 1 / times)))
    acceleration = _acceleration(np.array([loss(rows) for rows in units.without_blocks()]))
    z = float(stdtrit(units.count - 1, confidence)) + bias
    share = float(ndtr(bias + z / max(1 - acceleration * z, 1e-3)))
    return float(draws[min(math.ceil(share * times), times) - 1])


def _acceleration(left_out: Floats) -> float:
    """Returns a sixth of the skewness of a jackknife."""
    influence = left_out.mean() - left_out
    squares = float((influence**2).sum())
    if not math.isfinite(squares) or squares == 0:
        return 0.0
    return float((influence**3).sum() / (6 * squares**1.5))


def _rarest(labels: NDArray[Any]) -> int | None:
    """Returns how many examples the rarest class has; None where labels are no classes."""
    if not np.issubdtype(labels.dtype, np.integer) and labels.dtype != np.bool_:
        return None
    if labels.ndim > 1:
        positives = labels.astype(bool).sum(axis=0)
        return int(np.minimum(positives, len(labels) - positives).min())
    counts = np.unique(labels, return_counts=True)[1]
    return int(counts.min()) if len(counts) > 1 else 0
