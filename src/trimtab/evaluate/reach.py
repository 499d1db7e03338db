"""What a test of so many examples can prove at best, which is known before anything is trained.

It is the limit of the proof itself, of a candidate whose every answer is the baseline's. One that mends
mistakes of the baseline can have a lower one; a budget that waits for that is no plan. A bound that depends
on what the answers are promises nothing beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from trimtab.artifacts.proof import Limit, Reach
from trimtab.evaluate.bounds import proportions
from trimtab.evaluate.bounds.proportions import Sizes
from trimtab.evaluate.out_of_fold import factor

_MOST_EXAMPLES = 1 << 30

_UNCHANGED: dict[str, Callable[..., float]] = {"proportions": proportions.unchanged}
"""The upper limit of the loss where no answer changes, by the bound that proves the loss."""


def reach(
    limits: Sequence[Limit], sizes: Sizes, confidence: float, folds: int = 1, *, grouped: bool = False
) -> list[Reach]:
    """Returns what the test can prove at best of each limit that can say so.

    Args:
        limits: What the model which ships has to keep.
        sizes: Of the test examples, at least one, and of what belongs together: groups, or copies.
        confidence: One-sided, such as 0.95.
        folds: How many test them; 1: there are none.
        grouped: Whether groups are others than copies, whose answers are the same.
    """

    def least(limit: Limit, examples: int) -> float:
        unchanged = _UNCHANGED[limit.bound](sizes.scaled(examples), confidence, spread=grouped)
        return factor(limit.bound, folds) * unchanged

    return [
        Reach(
            metric=limit.metric,
            max_loss=limit.max_loss,
            confidence=confidence,
            examples=sizes.examples,
            distinct=None if sizes.groups is None else round(sizes.groups),
            grouped=grouped,
            least=least(limit, sizes.examples),
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
