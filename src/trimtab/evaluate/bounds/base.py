"""What a bound says, and from how many examples on its level is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Groups = NDArray[np.integer[Any]]
Mask = NDArray[np.bool_]

LEAST_GROUPS = 20
"""With fewer groups than this, how much they vary is not known well enough."""

_EFFECTIVE = 0.8
"""How many groups of one size those that there are must be worth, of as many as are needed."""

_UNSEEN = ((500, 1.0), (150, 2.0), (0, 4.0))
"""Of groups that are worth so many and more, how much worse than the worst seen one may be that was not."""

_ENDLESS = ((500, 1.0), (150, 2.0), (50, 4.0), (0, 8.0))
"""The same of a loss without a largest value."""

GROUPS_OF_ENDLESS = 30
"""With fewer groups than this, hardly any, or none, may hold all of a loss without a largest value."""


@dataclass(frozen=True)
class Bound:
    """How much worse a candidate is than the baseline, or how far past an absolute limit.

    Attributes:
        loss: As estimated, in the metric's unit; positive: worse.
        upper: Its one-sided upper confidence limit.
        method: How the limit was found, in words.
        proven: Whether the level is kept with so many examples; else the limit is an estimate.
        why_not: Why it is an estimate.
    """

    loss: float
    upper: float
    method: str
    proven: bool = True
    why_not: str = ""

    @classmethod
    def of(cls, loss: float, upper: float, method: str, why_not: str) -> Bound:
        """Returns a bound, which is proven where nothing says why not."""
        return cls(float(loss), float(upper), method, not why_not, why_not)


@dataclass(frozen=True)
class Needs:
    """From where on the level of a bound is kept, by ``benchmarks/coverage.py``.

    Attributes:
        examples: The least number of examples.
        rarest: The least number of examples of the rarest class, where there are classes.
        is_endless: Whether a loss has no largest value.
        least_groups: The least number of groups, where there are any.
    """

    examples: int = 0
    rarest: int = 0
    is_endless: bool = False
    least_groups: int = LEAST_GROUPS

    @property
    def groups(self) -> int:
        """Returns the least number of groups, where there are any."""
        return max(self.least_groups, GROUPS_OF_ENDLESS if self.is_endless else 0)

    def worst_counts(self, groups: Groups | None, scale: float = 1.0) -> float:
        """Returns how much worse than the worst unit seen one may be that was not: see ``skewed_means``.

        Damage that comes by groups is in fewer of them than there are, and of few groups in hardly any.

        Args:
            groups: The group of each example, ``(n,)``; None: each is its own.
            scale: How many times as many groups of these sizes are meant.
        """
        if groups is None:
            return 1.0
        worth = effective(groups) * scale
        unseen = _ENDLESS if self.is_endless else _UNSEEN
        return next(worse for least, worse in unseen if worth >= _EFFECTIVE * least)

    def unmet(self, examples: int, groups: Groups | None, is_rarest: Mask | None = None) -> str:
        """Returns what is missing, in words; nothing, where nothing is.

        Args:
            examples: How many there are.
            groups: The group of each, ``(n,)``; None: each is its own.
            is_rarest: Which are of the rarest class, ``(n,)``, where there are classes.
        """
        if groups is not None and (missing := self._too_few(groups)):
            return missing
        if examples < self.examples:
            return f"fewer than {self.examples:,} examples"
        if is_rarest is None:
            return ""
        if is_rarest.sum() < self.rarest:
            return f"fewer than {self.rarest:,} examples of the rarest class"
        missing = "" if groups is None else self._too_few(groups[is_rarest])
        return f"of the rarest class: {missing}" if missing else ""

    def _too_few(self, groups: Groups) -> str:
        if count(groups) < self.groups:
            return f"fewer than {self.groups} groups"
        if effective(groups) < _EFFECTIVE * self.groups:
            return f"few groups hold most examples: they are worth {effective(groups):.0f} of one size"
        return ""


def effective(groups: Groups) -> float:
    """Returns how many groups of one size the groups are worth.

    Few that hold most examples make a mean alone (A. V. Carter, K. T. Schnepel and D. G. Steigerwald,
    "Asymptotic behavior of a t-test robust to cluster heterogeneity", Review of Economics and Statistics 99,
    2017, of groups that are alike but for their size).
    """
    sizes = np.unique(groups, return_counts=True)[1].astype(np.float64)
    return float(sizes.sum() ** 2 / np.square(sizes).sum())


def count(groups: Groups) -> int:
    """Returns how many groups there are."""
    return int(np.unique(groups).size)


def totals(values: Floats, groups: Groups | None) -> Floats:
    """Returns the sum of each group's values, ``(groups,)``; the values themselves where there are none."""
    if groups is None:
        return values
    return np.bincount(np.unique(groups, return_inverse=True)[1], weights=values).astype(np.float64)
