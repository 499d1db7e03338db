"""The decision: which candidates are proven to be within the budget, whichever of them is then chosen.

``forecast`` says what to expect of the test, ``order`` puts the candidates in order, ``sequence`` tests them.
The order may depend on validation scores and on costs, never on a test label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.proof import Limit, LimitTest, Proof, ProofTest, Rule, Turn
from trimtab.evaluate import forecast, order, sequence
from trimtab.evaluate.expected import Stake
from trimtab.evaluate.limits import Tests
from trimtab.evaluate.order import Order

_MOST_NAMES = 3
_ASKED = "the config asks for an estimate (budget.proof)"
_LEFT_OUT = "not tested: by validation and cost, the order of the tests goes better without it"
_NO_BASELINE = "not tested: the baseline itself is not proven to keep the limits that stand alone"
_NOT_REACHED = "not tested: its sequence ended before it"


@dataclass(frozen=True)
class Contender:
    """A candidate that keeps the limits of size and latency, and costs less than the baseline.

    Attributes:
        name: The candidate's id.
        family: Its branch.
        cost: By the objective, over the baseline's.
        losses: For each limit the losses that validation saw, ``(n,)``, see ``expected``; empty: there are
            none.
    """

    name: str
    family: str
    cost: float
    losses: Sequence[NDArray[np.float64]]


def prove(
    contenders: Sequence[Contender],
    stakes: Sequence[Stake],
    examples: int,
    confidence: float,
    tests: Tests,
    baseline: ProofTest | None = None,
) -> Proof:
    """Returns which candidates are proven to keep every limit, all together, at the confidence.

    Args:
        contenders: In any order; the result does not depend on it.
        stakes: The limits, at least one.
        examples: How many test examples there are.
        confidence: One-sided, such as 0.95.
        tests: Returns how a candidate stands to each limit on the test examples at a confidence.
        baseline: How the baseline stands to limits that do not compare with it. It is what ships if nothing
            else passes, and so it is tested first, at full confidence; if it fails, nothing is tested.
    """
    limits, first = [stake.limit for stake in stakes], [] if baseline is None else [baseline]
    doubts = why_not("fixed_sequence", first)
    if not contenders or any(not test.passed for test in first):
        return Proof(
            proven=not doubts,
            why_not=doubts,
            rule="fixed_sequence",
            confidence=confidence,
            examples=examples,
            limits=limits,
            tested=first,
            stopped_at=[test.candidate for test in first if not test.passed],
            not_tested={contender.name: _NO_BASELINE for contender in contenders},
        )
    contenders = sorted(contenders, key=lambda contender: contender.name)
    planned = _plan(contenders, stakes, 1 - confidence)
    results: dict[int, list[LimitTest]] = {}

    def passes(candidate: int, level: float) -> bool:
        results[candidate] = tests(contenders[candidate].name, 1 - level)
        return all(test.holds for test in results[candidate])

    steps = sequence.run(planned, passes, 1 - confidence)
    names = [contender.name for contender in contenders]
    tested = first + [
        test_of(names[step.candidate], 1 - step.level, results[step.candidate]) for step in steps
    ]
    rule = rule_of(planned.shares)
    doubts = why_not(rule, tested)
    return Proof(
        proven=not doubts,
        why_not=doubts,
        rule=rule,
        confidence=confidence,
        examples=examples,
        limits=limits,
        order=_turns(planned, names),
        tested=tested,
        stopped_at=[test.candidate for test in tested if not test.passed],
        not_tested={
            name: _NOT_REACHED if place in planned.sequence else _LEFT_OUT
            for place, name in enumerate(names)
            if place not in results
        },
    )


def estimate(
    contenders: Sequence[Contender],
    stakes: Sequence[Stake],
    examples: int,
    confidence: float,
    tests: Tests,
    baseline: ProofTest | None = None,
) -> Proof:
    """Returns which candidates keep the limits by what was observed; arguments as for ``prove``.

    What ``tests`` returns is of ``estimated``.
    """
    return Proof(
        proven=False,
        why_not=_ASKED,
        rule="estimate",
        confidence=confidence,
        examples=examples,
        limits=[stake.limit for stake in stakes],
        tested=[
            *([] if baseline is None else [baseline]),
            *(
                test_of(contender.name, confidence, tests(contender.name, confidence))
                for contender in contenders
            ),
        ],
    )


def estimated(test: LimitTest, limit: Limit) -> LimitTest:
    """Returns a test of a limit by the loss that was observed, where no proof is asked for."""
    holds = test.loss is not None and test.loss <= limit.max_loss
    return test.model_copy(update={"holds": holds, "proven": False, "why_not": test.why_not or _ASKED})


def test_of(name: str, confidence: float, limits: list[LimitTest]) -> ProofTest:
    """Returns a test of all limits."""
    return ProofTest(
        candidate=name,
        confidence=confidence,
        upper_bound=limits[0].upper_bound,
        passed=all(limit.holds for limit in limits),
        limits=limits,
    )


def why_not(rule: Rule, tested: Sequence[ProofTest]) -> str:
    """Returns why what passed is an estimate: for which limits the level is not known to be kept."""
    if rule == "estimate":
        return _ASKED
    if not tested:
        return ""
    weak = {limit.limit: limit.why_not for test in tested for limit in test.limits if not limit.proven}
    by_reason: dict[str, list[str]] = {}
    for name, reason in weak.items():
        by_reason.setdefault(reason, []).append(name)
    if max(len(test.limits) for test in tested) == 1:
        return "; ".join(by_reason)
    return "; ".join(f"{_first(names)}: {reason}" for reason, names in by_reason.items())


def _first(names: Sequence[str]) -> str:
    """Returns names in words: of many, the first; how each limit stands says the rest."""
    if len(names) <= _MOST_NAMES + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more limits"


def _plan(contenders: Sequence[Contender], stakes: Sequence[Stake], level: float) -> Order:
    costs = np.array([contender.cost for contender in contenders])
    families = [contender.family for contender in contenders]
    worst = np.zeros(1)
    for place, stake in enumerate(stakes):
        losses = np.stack([contender.losses[place] for contender in contenders], axis=1)
        known = forecast.Validation(losses, costs, families)
        # A candidate passes where it passes every limit.
        drawn = forecast.p_values(
            known, stake.margin, stake.examples, stake.least_variance, paired=stake.is_paired
        )
        worst = np.maximum(worst, drawn)
    return order.plan(worst, costs, level)


def rule_of(shares: NDArray[np.float64]) -> Rule:
    """Returns the rule of an order, by the share of the level that each begins with, ``(candidates,)``."""
    return "fixed_sequence" if np.count_nonzero(shares) == 1 else "shared_sequences"


def _turns(planned: Order, names: Sequence[str]) -> list[Turn]:
    return [
        Turn(
            candidate=names[place],
            share=float(planned.shares[place]),
            then=names[planned.successor[place]] if planned.successor[place] >= 0 else None,
        )
        for place in planned.sequence
    ]
