"""What is proven of what ships, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from trimtab.artifacts.proof import Limit, Proof, ProofTest, Reuse, Turn

_MOST_NAMES, _MOST_LIMITS = 6, 3
_BLIND = "in an order made without test labels"


def claim(proof: Proof, metric: str = "") -> str:
    """Returns what holds of the chosen candidate: the limits that it keeps, and how sure that is.

    Args:
        proof: What is proven.
        metric: The metric that was named just before.
    """
    limits = _kept_limits(proof.limits, metric)
    if not proof.proven:
        return f"estimated {limits}, which is no proof: {proof.why_not}"
    chosen = ", whichever was chosen" if len(proof.tested) > 1 else ""
    return f"with {_share(proof.confidence)} confidence {limits}{chosen}"


def _kept_limits(limits: Sequence[Limit], metric: str) -> str:
    """Returns the limits in words; of one of the metric that was named, what it allows is enough."""
    if len(limits) == 1 and limits[0].metric == metric and not limits[0].part:
        return limits[0].allowed
    if len(limits) > _MOST_LIMITS:
        return f"{limits[0].name} {limits[0].allowed} and {len(limits) - 1} more limits"
    told = [f"{limit.name} {limit.allowed}" for limit in limits]
    return " and ".join(filter(None, [", ".join(told[:-1]), told[-1]]))


def sentence(proof: Proof) -> str:
    """Returns how the candidates were tested: how many, in which order, where it ended, and who was not."""
    if not proof.tested:
        return ""
    return " ".join(filter(None, [_tests(proof), folds(proof)]))


def folds(proof: Proof) -> str:
    """Returns of what the proof is where several models answered; nothing where one did."""
    if proof.folds == 1:
        return ""
    what = "What is proven" if proof.proven else "What is estimated"
    return (
        f"Out of fold: each of {proof.examples:,} rows was answered by the one of {proof.folds} models that "
        f"was made without it. {what} is of the mean of models made in this way; the first is deployed."
    )


def _tests(proof: Proof) -> str:
    if proof.rule == "estimate":
        return f"Each of {len(proof.tested)} was judged by what was observed: an estimate, no proof."
    count = len(proof.tested) + len(proof.not_tested)
    parts = [f"{len(proof.tested)} of {count} were tested, {_how(proof)}", ended(proof)]
    if proof.not_tested:
        parts.append(f"not tested: {_names(list(proof.not_tested))}")
    return "; ".join(parts) + "."


def _how(proof: Proof) -> str:
    """Returns by which rule and in which order; the baseline is first, where a limit stands alone."""
    first = any(limit.is_alone for limit in proof.limits)
    if not proof.order:
        return "first the baseline, which ships if nothing else passes"
    return f"{'first the baseline, then ' if first else ''}{rule(proof)}: {order(proof)}"


def rule(proof: Proof) -> str:
    """Returns the rule of the tests."""
    if proof.rule == "fixed_sequence":
        return f"one after the other at {_share(proof.confidence)} confidence, {_BLIND}"
    begin = sum(turn.share > 0 for turn in proof.order)
    return f"in {begin} sequences that share the risk of {_share(1 - proof.confidence)}, {_BLIND}"


def order(proof: Proof) -> str:
    """Returns each sequence from its first candidate on, those that join written out once."""
    turns = {turn.candidate: turn for turn in proof.order}
    told: set[str] = set()
    return "; ".join(_sequence(turn, turns, told) for turn in proof.order if turn.share > 0)


def ended(proof: Proof) -> str:
    """Returns where the tests ended, and why."""
    if not proof.stopped_at:
        return "all passed"
    tests, limits = {test.candidate: test for test in proof.tested}, proof.limits
    where = [f"{name}, whose {_loss(tests[name], limits)}" for name in proof.stopped_at[:_MOST_NAMES]]
    return f"stopped at {', at '.join(where)}"


def reuse(used: Reuse | None) -> str:
    """Returns what it means that the test rows have decided before; nothing where they have not."""
    if used is None or (used.rule == "warn" and used.decisions == 1):
        return ""
    count = f"Decision {used.decisions} on these test rows ({used.same_limits} under these limits)"
    if used.rule == "spend":
        share = f"1/{used.decisions * (used.decisions + 1)} of the risk"
        return f"{count}: it takes {share}, so that {_share(used.asked)} confidence holds over all of them."
    return (
        f"{count}: {_share(used.asked)} confidence is that of each by itself, not of all of them. Fresh test "
        "rows would restore it; proof.reuse: spend shares the risk out."
    )


def _loss(test: ProofTest, limits: Sequence[Limit]) -> str:
    """Returns how large a loss may be: of several limits, of the first that does not hold."""
    if not test.broken or (len(limits) == 1 and not limits[0].is_alone):
        return f"loss could be {limits[0].loss(_number(test.upper_bound))}"
    named, broken = {limit.name: limit for limit in limits}, test.broken[0]
    limit = named[broken.limit]
    worse = f"past {limit.value:g} by" if limit.is_alone else "worse by"
    return f"{limit.name} could be {worse} {limit.loss(_number(broken.upper_bound))}"


def _number(value: float | None) -> float:
    return math.inf if value is None else value


def _sequence(turn: Turn, turns: dict[str, Turn], told: set[str]) -> str:
    names = [turn.candidate]
    while turn.candidate not in told and turn.then is not None:
        told.add(turn.candidate)
        turn = turns[turn.then]
        names.append(turn.candidate)
    if len(names) > _MOST_NAMES:
        names = [*names[: _MOST_NAMES - 1], "…", names[-1]]
    return " → ".join(names)


def _names(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _share(share: float) -> str:
    return f"{100 * share:.3g} %"
