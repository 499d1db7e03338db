"""The decision: which candidates are proven to be within the budget, whichever of them is then chosen.

``forecast`` says what to expect of the test, ``order`` puts the candidates in order, ``sequence`` tests them.
The order may depend on validation scores and on costs, never on a test label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.proof import Limit, Proof, ProofTest, Rule, Turn
from trimtab.evaluate import forecast, order, sequence
from trimtab.evaluate.bounds.base import Bound
from trimtab.evaluate.order import Order

_LEFT_OUT = "not tested: by validation and cost, the order of the tests goes better without it"
_NOT_REACHED = "not tested: its sequence ended before it"


@dataclass(frozen=True)
class Contender:
    """A candidate that keeps the limits of size and latency, and costs less than the baseline.

    Attributes:
        name: The candidate's id.
        family: Its branch.
        cost: By the objective, over the baseline's.
        losses: Loss on each validation example, ``(n,)``, see ``significance.losses``; empty: there is none.
    """

    name: str
    family: str
    cost: float
    losses: NDArray[np.float64]


def prove(
    contenders: Sequence[Contender],
    limit: Limit,
    examples: int,
    confidence: float,
    bound: Callable[[str, float], Bound],
) -> Proof:
    """Returns which candidates are proven, all together, at the confidence.

    Args:
        contenders: In any order; the result does not depend on it.
        limit: The largest loss that is allowed.
        examples: How many test examples there are.
        confidence: One-sided, such as 0.95.
        bound: Returns the bound of a candidate's loss on the test examples at a confidence.
    """
    if not contenders:
        return Proof(rule="fixed_sequence", confidence=confidence, examples=examples, limits=[limit])
    contenders = sorted(contenders, key=lambda contender: contender.name)
    planned = _plan(contenders, limit, examples, 1 - confidence)
    bounds: dict[int, Bound] = {}

    def passes(candidate: int, level: float) -> bool:
        bounds[candidate] = bound(contenders[candidate].name, 1 - level)
        return bounds[candidate].upper <= limit.max_loss

    tests = sequence.run(planned, passes, 1 - confidence)
    names = [contender.name for contender in contenders]
    tested = [
        ProofTest(
            candidate=names[test.candidate],
            confidence=1 - test.level,
            upper_bound=bounds[test.candidate].upper,
            passed=test.passed,
        )
        for test in tests
    ]
    why_not = next((found.why_not for found in bounds.values() if not found.proven), "")
    return Proof(
        proven=not why_not,
        why_not=why_not,
        rule=_rule(planned),
        confidence=confidence,
        examples=examples,
        limits=[limit],
        order=_turns(planned, names),
        tested=tested,
        stopped_at=[test.candidate for test in tested if not test.passed],
        not_tested={
            name: _NOT_REACHED if place in planned.sequence else _LEFT_OUT
            for place, name in enumerate(names)
            if place not in bounds
        },
    )


def estimate(
    contenders: Sequence[Contender],
    limit: Limit,
    examples: int,
    confidence: float,
    bound: Callable[[str, float], Bound],
) -> Proof:
    """Returns which candidates would be proven if each were the only one; arguments as for ``prove``."""
    bounds = {contender.name: bound(contender.name, confidence).upper for contender in contenders}
    return Proof(
        proven=False,
        why_not="the config asks for an estimate (budget.proof)",
        rule="estimate",
        confidence=confidence,
        examples=examples,
        limits=[limit],
        tested=[
            ProofTest(
                candidate=name, confidence=confidence, upper_bound=upper, passed=upper <= limit.max_loss
            )
            for name, upper in bounds.items()
        ],
    )


def _plan(contenders: Sequence[Contender], limit: Limit, examples: int, level: float) -> Order:
    costs = np.array([contender.cost for contender in contenders])
    losses = np.stack([contender.losses for contender in contenders], axis=1)
    known = forecast.Validation(losses, costs, [contender.family for contender in contenders])
    # Answers that are right or wrong cannot differ less than their rates do.
    least_variance = limit.max_loss if limit.bound == "proportions" else 0.0
    return order.plan(forecast.p_values(known, limit.max_loss, examples, least_variance), costs, level)


def _rule(planned: Order) -> Rule:
    return "fixed_sequence" if np.count_nonzero(planned.shares) == 1 else "shared_sequences"


def _turns(planned: Order, names: Sequence[str]) -> list[Turn]:
    return [
        Turn(
            candidate=names[place],
            share=float(planned.shares[place]),
            then=names[planned.successor[place]] if planned.successor[place] >= 0 else None,
        )
        for place in planned.sequence
    ]
