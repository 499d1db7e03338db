"""What a bound says, and from how many examples on its level is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Groups = NDArray[np.integer[Any]]

LEAST_GROUPS = 20
"""With fewer groups than this, how much they vary is not known well enough."""


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
        groups: The least number of groups, where there are any.
    """

    examples: int = 0
    rarest: int = 0
    groups: int = LEAST_GROUPS

    def unmet(self, examples: int, groups: Groups | None, rarest: int | None = None) -> str:
        """Returns what is missing, in words; nothing, where nothing is.

        Args:
            examples: How many there are.
            groups: The group of each, ``(n,)``; None: each is its own.
            rarest: How many there are of the rarest class, where there are classes.
        """
        if groups is not None and count(groups) < self.groups:
            return f"fewer than {self.groups} groups"
        if examples < self.examples:
            return f"fewer than {self.examples:,} examples"
        if rarest is not None and rarest < self.rarest:
            return f"fewer than {self.rarest:,} examples of the rarest class"
        return ""


def count(groups: Groups) -> int:
    """Returns how many groups there are."""
    return int(np.unique(groups).size)


def totals(values: Floats, groups: Groups | None) -> Floats:
    """Returns the sum of each group's values, ``(groups,)``; the values themselves where there are none."""
    if groups is None:
        return values
    return np.bincount(np.unique(groups, return_inverse=True)[1], weights=values).astype(np.float64)
