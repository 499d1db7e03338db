"""The share of examples that are right: accuracy, the recall of a class (of its examples), top-k.

Without groups the limit is exact: ``paired_proportions``. With groups it is the larger of two:

- That limit of as many independent examples as the groups are worth (E. L. Korn and B. I. Graubard,
  "Confidence intervals for proportions with small expected number of positive counts estimated from survey
  data", Survey Methodology 24, 1998): counts are divided by the design effect, the variance of the groups'
  sums over that of as many independent examples. Where few groups differ, their variance says little, and the
  design effect is drawn toward the largest that is possible: of groups which are right or wrong as one.
- The cluster-robust t limit with one group more, of which most was lost: groups that fail as one may be so
  few that none was seen. (To add what was not seen is as in A. Agresti and B. A. Coull, "Approximate is
  better than 'exact' for interval estimation of binomial proportions", The American Statistician 52, 1998.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import ndtri, stdtrit

from trimtab.evaluate.bounds import paired_proportions
from trimtab.evaluate.bounds.base import Bound, Floats, Groups, Needs, totals

NEEDS = Needs()
_PRIOR_GROUPS = 1.0
"""How many groups that differ it takes to believe as much in what is seen as in the worst."""

_UNSEEN_LOSS = 0.75
"""How much of the unseen group is lost; by simulation, see ``benchmarks/coverage.py``."""

_EXACT, _EXACT_ONE = "exact paired proportions", "exact proportion (Clopper and Pearson)"
_BY_GROUP = "exact proportions by the design effect of groups, and t with an unseen group"


@dataclass(frozen=True)
class Sizes:
    """How many examples there are, and of what groups: all that the limit of unchanged answers hangs on.

    Attributes:
        examples: Their number.
        groups: How many groups they are in; None: each is its own.
        squares: The sum of the squares of the groups' sizes.
    """

    examples: int
    groups: float | None = None
    squares: float = 0.0

    @classmethod
    def of(cls, examples: int, groups: Groups | None) -> Self:
        """Returns those of examples, given the group of each, ``(n,)``; None: each is its own."""
        if groups is None:
            return cls(examples)
        sizes = totals(np.ones(examples), groups)
        return cls(examples, len(sizes), float((sizes**2).sum()))

    def scaled(self, examples: int) -> Self:
        """Returns so many examples in groups of the same sizes."""
        if self.groups is None:
            return type(self)(examples)
        times = examples / self.examples
        return type(self)(examples, self.groups * times, self.squares * times)


def proportions(
    before_correct: Floats | None,
    after_correct: Floats,
    confidence: float,
    groups: Groups | None = None,
    *,
    least: float = 0.0,
) -> Bound:
    """Returns the bound of the loss of a share.

    Args:
        before_correct: 1 where the baseline is right, else 0, ``(n,)``; None: the candidate's own share is
            held against ``least``.
        after_correct: The same of the candidate, on the same examples, ``(n,)``.
        confidence: One-sided, such as 0.95.
        groups: The group of each example, ``(n,)``; None: each is its own.
        least: Without a baseline: the smallest share that is allowed.
    """
    after = np.asarray(after_correct, np.float64)
    before = np.ones(len(after)) if before_correct is None else np.asarray(before_correct, np.float64)
    n, (losses, gains) = len(after), discordant(before, after)
    method = _BY_GROUP if groups is not None else _EXACT_ONE if before_correct is None else _EXACT
    # Against answers that are always right, the drop is the share that is wrong.
    allowed = 1 - least if before_correct is None else 0.0
    if not n:
        return Bound.of(0.0, 1.0 - allowed, method, "there are no examples")
    upper = upper_limit(losses, gains, n, confidence, design_effect(before, after, confidence, groups))
    if groups is not None:
        sums, sizes = totals(before - after, groups), totals(np.ones(n), groups)
        upper = min(max(upper, with_an_unseen_group(sums, sizes, confidence)), 1.0)
    return Bound.of((losses - gains) / n - allowed, upper - allowed, method, NEEDS.unmet(n, groups))


def unchanged(sizes: Sizes, confidence: float, *, spread: bool = False) -> float:
    """Returns the limit of ``proportions`` where every answer is the baseline's.

    Args:
        sizes: Of the examples.
        confidence: One-sided.
        spread: Whether to take groups for no more alike than examples of their own: then no candidate that
            is right where the baseline is not has a lower limit, while losses that are spread over groups
            may have a lower one than none at all, which say nothing of how alike groups are.
    """
    n = sizes.examples
    if sizes.groups is None:
        return upper_limit(0, 0, n, confidence)
    usual, freedom = sizes.squares / n, max(sizes.groups - 1, 1)
    effect = 1.0 if spread else usual
    effect *= float(stdtrit(freedom, confidence) / ndtri(confidence)) ** 2
    lost, everything = _UNSEEN_LOSS * usual, n + usual
    mean = lost / everything
    apart = mean**2 * sizes.squares + (lost - mean * usual) ** 2
    error = math.sqrt(apart * (sizes.groups + 1) / sizes.groups) / everything
    unseen = mean + float(stdtrit(freedom, confidence)) * error
    return min(max(upper_limit(0, 0, n, confidence, effect), unseen), 1.0)


def discordant(before: Floats, after: Floats) -> tuple[int, int]:
    """Returns how many examples only the baseline gets right, and how many only the candidate."""
    was_right, is_right = before > 0.5, after > 0.5
    return int((was_right & ~is_right).sum()), int((~was_right & is_right).sum())


def upper_limit(losses: int, gains: int, n: int, confidence: float, effect: float = 1.0) -> float:
    """Returns the limit of the drop.

    Args:
        losses: Examples that only the baseline gets right.
        gains: Examples that only the candidate gets right.
        n: All examples.
        confidence: One-sided.
        effect: See ``design_effect``.
    """
    size, worth = max(math.floor(n / effect), 1), losses / effect
    most = min(math.ceil(worth), size)
    fewest, gained = min(math.floor(worth), most), min(math.floor(gains / effect), size - most)
    high = paired_proportions.upper_limit(most, gained, size, confidence)
    low = high if fewest == most else paired_proportions.upper_limit(fewest, gained, size, confidence)
    return low + (worth - fewest) * (high - low)


def design_effect(before: Floats, after: Floats, confidence: float, groups: Groups | None) -> float:
    """Returns how many examples in groups are worth as much as one that is drawn by itself; 1 without groups.

    Args:
        before: 1 where the baseline is right, else 0, ``(n,)``.
        after: The same of the candidate.
        confidence: One-sided; the limit's quantile becomes that of a t distribution.
        groups: The group of each example, ``(n,)``.
    """
    if groups is None:
        return 1.0
    losses = before - after
    sizes, n = totals(np.ones(len(losses)), groups), len(losses)
    most, freedom = float((sizes**2).sum()) / n, max(len(sizes) - 1, 1)
    mean = float(losses.mean())
    alone = float(((losses - mean) ** 2).sum())
    together = float(((totals(losses, groups) - mean * sizes) ** 2).sum()) * len(sizes) / freedom
    seen = min(max(together / alone, 1.0), most) if alone else 1.0
    differing = int((totals(np.abs(losses), groups) > 0).sum())
    effect = (differing * seen + _PRIOR_GROUPS * most) / (differing + _PRIOR_GROUPS)
    return effect * float(stdtrit(freedom, confidence) / ndtri(confidence)) ** 2


def with_an_unseen_group(sums: Floats, sizes: Floats, confidence: float) -> float:
    """Returns the cluster-robust t limit with one group more, of which most is lost.

    Args:
        sums: The loss of each group, in examples, ``(groups,)``.
        sizes: How many examples each has, ``(groups,)``.
        confidence: One-sided.
    """
    usual = float((sizes**2).sum()) / float(sizes.sum())
    sums, sizes = np.append(sums, _UNSEEN_LOSS * usual), np.append(sizes, usual)
    mean, count = float(sums.sum() / sizes.sum()), len(sizes)
    error = math.sqrt(float(((sums - mean * sizes) ** 2).sum()) * count / (count - 1)) / float(sizes.sum())
    return mean + float(stdtrit(max(count - 2, 1), confidence)) * error
