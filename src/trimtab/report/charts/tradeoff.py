"""What the Pareto plots compare: the quality of candidates against one cost, and the budget on both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from trimtab.artifacts.selection import CandidateResult
from trimtab.config.chains import BASELINE
from trimtab.report.result import Result
from trimtab.report.words.verdict import is_untested

Cost = Literal["latency", "size"]
Role = Literal["chosen", "baseline", "within", "untested", "over"]


@dataclass(frozen=True)
class Spot:
    """A candidate that has both values.

    Attributes:
        cost: Milliseconds (median) or units of 1,000 bytes.
        quality: The metric that the task is about, a share in percent.
        worst: The proven worst quality, where it is known.
        role: What its colour and shape say.
    """

    candidate: CandidateResult
    cost: float
    quality: float
    worst: float | None
    role: Role

    @property
    def importance(self) -> int:
        """Returns 0 for what must be seen first: the chosen, the baseline, the front, the rest."""
        if self.role in ("chosen", "baseline"):
            return 0 if self.role == "chosen" else 1
        return 2 if self.candidate.on_pareto_front else 3 if self.role == "within" else 4


def spots(result: Result, cost: Cost) -> list[Spot]:
    """Returns the candidates that have a quality and this cost."""
    return list(_spots(result, cost))


def quality_limit(result: Result) -> float | None:
    """Returns the worst quality that the budget allows, in the unit of ``Spot.quality``."""
    limits, headline = result.proof.limits if result.proof else [], result.headline
    headline_limits = [
        limit for limit in limits if headline and limit.metric == headline.metric and not limit.part
    ]
    against = [limit.max_loss for limit in headline_limits if not limit.is_alone]
    return _below_baseline(result, min(against)) if against else None


def cost_limit(result: Result, cost: Cost) -> float | None:
    """Returns the highest cost that the budget allows, in the unit of ``Spot.cost``, or None."""
    budget = result.budget
    if budget is None:
        return None
    measured = result.baseline.latency_ms if result.baseline else None
    return (
        budget.latency_limit_ms(measured.p50 if measured else None)
        if cost == "latency"
        else budget.max_size_kb
    )


def baseline_quality(result: Result) -> float | None:
    """Returns the quality of the baseline, where it was measured."""
    return _quality(result.baseline) if result.baseline else None


def front(all_spots: Sequence[Spot], *, less_is_better: bool) -> list[Spot]:
    """Returns the spots that no other beats in both values, from the cheapest on.

    Args:
        all_spots: Every candidate that has both values.
        less_is_better: Whether quality is an error.
    """
    sign = 1 if less_is_better else -1
    steps: list[Spot] = []
    for spot in sorted(all_spots, key=lambda spot: (spot.cost, sign * spot.quality)):
        if not steps or sign * spot.quality < sign * steps[-1].quality:
            steps.append(spot)
    return steps


def _spots(result: Result, cost: Cost) -> Iterator[Spot]:
    for candidate in result.candidates:
        price, quality = _cost(candidate, cost), _quality(candidate)
        if price is not None and quality is not None:
            drop = candidate.drop.upper_bound if candidate.drop and candidate.id != BASELINE else None
            yield Spot(candidate, price, quality, _below_baseline(result, drop), _role(result, candidate))


def _cost(candidate: CandidateResult, cost: Cost) -> float | None:
    if cost == "latency":
        return candidate.latency_ms.p50 if candidate.latency_ms else None
    return candidate.counted_bytes / 1000 if candidate.counted_bytes else None


def _quality(candidate: CandidateResult) -> float | None:
    headline = candidate.quality
    if headline is None:
        return None
    return headline.value * 100 if headline.unit == "points" else headline.value


def _below_baseline(result: Result, drop: float | None) -> float | None:
    """Returns the quality that is so much worse than the baseline's."""
    best = baseline_quality(result)
    if best is None or drop is None:
        return None
    is_share = result.headline is not None and result.headline.unit == "points"
    return best - drop * 100 if is_share else best * (1 + drop)


def _role(result: Result, candidate: CandidateResult) -> Role:
    if candidate.id == result.chosen:
        return "chosen"
    if candidate.id == BASELINE:
        return "baseline"
    if candidate.within_budget:
        return "within"
    return "untested" if is_untested(result, candidate) else "over"
