"""What a chain is worth, by what is known of it: what it costs, and how sure it is to keep the budget.

Of two that cost less, the better is the one with the larger *expected gain*: the logarithm of how many times
less it costs than the baseline, times the probability that it keeps the limits (the constrained expected
improvement of Schonlau, Welch and Jones, "Global versus local search in constrained optimization of computer
models", 1998, without a model of what was not tried). Ranks before anything is trained are those of
non-dominated sorting by loss and cost (Deb et al., "A fast and elitist multiobjective genetic algorithm:
NSGA-II", 2002).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import TypeVar

from trimtab.artifacts.search import Measured
from trimtab.config.budget import Budget

Name = TypeVar("Name")

NOISE = 0.25
"""Of a short measurement of latency, on either side: nothing is left out for less."""

HOPELESS = 0.05
"""What keeps the limits of quality with less probability is not handed on, and nothing stronger is tried."""

_LEAST_DOUBT = 0.15
"""Of a strain: validation rows are others than test rows."""

_GAIN = 0.01
"""What costs 1 % less than the baseline, or not even that, is no gain."""


def counted(measured: Measured, budget: Budget) -> int:
    """Returns the size that is limited and chosen by."""
    return measured.gzip_bytes if budget.size == "gzip" else measured.size_bytes


def cost(measured: Measured, baseline: Measured, budget: Budget) -> float:
    """Returns the cost over the baseline's by the objective; ``balanced``: the geometric mean of both."""
    latency = 1 / measured.speed
    size = counted(measured, budget) / counted(baseline, budget)
    return {"latency": latency, "size": size, "balanced": math.sqrt(latency * size)}[budget.objective]


def is_within(measured: Measured, budget: Budget) -> float:
    """Returns how probable it is that the limits of quality hold."""
    sigma = max(measured.doubt / NormalDist().inv_cdf(budget.confidence), _LEAST_DOUBT)
    return NormalDist().cdf((1 - measured.strain) / sigma) if math.isfinite(measured.strain) else 0.0


def gain(measured: Measured, baseline: Measured, budget: Budget) -> float:
    """Returns the expected gain, at least 0."""
    return max(-math.log(cost(measured, baseline, budget)), 0.0) * is_within(measured, budget)


def why_not(measured: Measured, baseline: Measured, budget: Budget) -> str:
    """Returns why a chain can be left out whatever fine-tuning makes of it; empty: it cannot.

    Args:
        measured: What is known of it: of its costs nothing changes by training.
        baseline: What is known of the baseline.
        budget: The limits and the objective.
    """
    if measured.reason:
        return measured.reason
    size, allowed = counted(measured, budget), budget.max_size_kb
    if allowed is not None and size > allowed * 1000:
        return f"size {size / 1000:,.1f} kB > {allowed:,.6g} kB"
    limit = budget.latency_limit_ms(baseline.latency_ms)
    if limit is not None and baseline.latency_ms / measured.speed > limit * (1 + NOISE):
        return f"median latency {baseline.latency_ms / measured.speed:.3g} ms > {limit:.3g} ms"
    now = cost(measured, baseline, budget)
    if now > 1 - _GAIN:
        by = {"latency": "latency", "size": "size", "balanced": "latency and size"}[budget.objective]
        speed, share = 1 / measured.speed, size / counted(baseline, budget)
        return (
            f"it gains nothing in {by}: {speed:.2f} times the baseline's latency, {share:.2f} times its size"
        )
    return ""


def fronts(points: Mapping[Name, Sequence[float]]) -> list[list[Name]]:
    """Returns the non-dominated sorting of points, of which less is better along each axis.

    Args:
        points: By name.

    Returns:
        The names that no other is better than, those of the rest of which so much is true, and so on.
    """
    left, sorted_names = dict(points), list[list[Name]]()
    while left:
        front = [
            name
            for name, point in left.items()
            if not any(_dominates(other, point) for other in left.values())
        ]
        sorted_names.append(front)
        for name in front:
            del left[name]
    return sorted_names


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)
