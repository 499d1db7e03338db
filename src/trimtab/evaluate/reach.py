"""What a test of so many examples can prove at best, which is known before anything is trained.

It is the limit of the proof itself, of a candidate whose every answer is the baseline's. One that mends
mistakes of the baseline can have a lower one; a budget that waits for that is no plan. A bound that depends
on what the answers are promises nothing beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from trimtab.artifacts.proof import Limit, Reach
from trimtab.evaluate.bounds import paired_proportions
from trimtab.evaluate.out_of_fold import factor

_MOST_EXAMPLES = 1 << 30


def _proportions(examples: int, confidence: float) -> float:
    return paired_proportions.upper_limit(0, 0, examples, confidence)


_UNCHANGED: dict[str, Callable[[int, float], float]] = {"proportions": _proportions}
"""The upper limit of the loss where no answer changes, by the bound that proves the loss."""


def reach(limits: Sequence[Limit], examples: int, confidence: float, folds: int = 1) -> list[Reach]:
    """Returns what the test can prove at best of each limit that can say so.

    Args:
        limits: What the model which ships has to keep.
        examples: How many test examples there are, at least one.
        confidence: One-sided, such as 0.95.
        folds: How many test them; 1: there are none.
    """

    def least(limit: Limit, rows: int) -> float:
        return factor(limit.bound, folds) * _UNCHANGED[limit.bound](rows, confidence)

    return [
        Reach(
            metric=limit.metric,
            max_loss=limit.max_loss,
            confidence=confidence,
            examples=examples,
            least=least(limit, examples),
            needed=_needed(partial(least, limit), limit.max_loss),
        )
        for limit in limits
        if limit.bound in _UNCHANGED and not limit.is_alone
    ]


def _needed(least: Callable[[int], float], max_loss: float) -> int | None:
    """Returns the smallest number of examples that proves a loss, or None where it is past a billion."""
    high = 1
    while least(high) > max_loss:
        high *= 2
        if high > _MOST_EXAMPLES:
            return None
    low = high // 2
    while high > low + 1:
        middle = (low + high) // 2
        low, high = (low, middle) if least(middle) <= max_loss else (middle, high)
    return high
