"""What a test of so many examples can prove at best, which is known before anything is trained.

It is the limit of the proof itself, of a candidate whose every answer is the baseline's. One that mends
mistakes of the baseline can have a lower one; a budget that waits for that is no plan. A bound that depends
on what the answers are promises nothing beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trimtab.artifacts.proof import Limit, Reach
from trimtab.evaluate.bounds import paired_proportions

_MOST_EXAMPLES = 1 << 30


def _proportions(examples: int, confidence: float) -> float:
    return paired_proportions.upper_limit(0, 0, examples, confidence)


_UNCHANGED: dict[str, Callable[[int, float], float]] = {"proportions": _proportions}
"""The upper limit of the loss where no answer changes, by the bound that proves the loss."""


def reach(limits: Sequence[Limit], examples: int, confidence: float) -> list[Reach]:
    """Returns what the test can prove at best of each limit that can say so.

    Args:
        limits: What the model which ships has to keep.
        examples: How many test examples there are, at least one.
        confidence: One-sided, such as 0.95.
    """
    return [
        Reach(
            metric=limit.metric,
            max_loss=limit.max_loss,
            confidence=confidence,
            examples=examples,
            least=_UNCHANGED[limit.bound](examples, confidence),
            needed=_needed(_UNCHANGED[limit.bound], limit.max_loss, confidence),
        )
        for limit in limits
        if limit.bound in _UNCHANGED and not limit.is_alone
    ]


def _needed(unchanged: Callable[[int, float], float], max_loss: float, confidence: float) -> int | None:
    """Returns the smallest number of examples that proves a loss, or None where it is past a billion."""
    high = 1
    while unchanged(high, confidence) > max_loss:
        high *= 2
        if high > _MOST_EXAMPLES:
            return None
    low = high // 2
    while high > low + 1:
        middle = (low + high) // 2
        low, high = (low, middle) if unchanged(middle, confidence) <= max_loss else (middle, high)
    return high
