"""The test after the choice: which candidates are proven, all together, at the stated confidence.

Each candidate of an order is tested at the share of the level that has come to it: see ``order``. The
probability that any candidate passes that is past the budget is at most the level, so that of those which
passed any may be shipped: the one that is shipped breaks the budget with a probability of at most the level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trimtab.evaluate.order import Order


@dataclass(frozen=True)
class Tested:
    """One test.

    Attributes:
        candidate: Its number.
        level: The level it was tested at.
        passed: Whether it is proven to be within the budget.
    """

    candidate: int
    level: float
    passed: bool


def run(order: Order, passes: Callable[[int, float], bool], level: float) -> list[Tested]:
    """Returns the tests that were made, in their order.

    Args:
        order: Made without test labels.
        passes: Tests a candidate at a level; what passes at a level also passes at a higher one.
        level: 1 - confidence.
    """
    at_hand = dict(enumerate(order.shares.tolist()))
    tests = []
    for candidate in order.sequence:
        share = at_hand[candidate]
        if not share:
            continue
        # Shares that are equal parts add up to 1 but for rounding.
        test = Tested(candidate, level * min(share, 1.0), passes(candidate, level * min(share, 1.0)))
        tests.append(test)
        successor = int(order.successor[candidate])
        if test.passed and successor >= 0:
            at_hand[successor] += share
    return tests
