"""The Pareto front: the candidates that no other one beats on everything at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def front(points: Mapping[str, Sequence[float]]) -> set[str]:
    """Returns the ids of the points that no other point dominates.

    A point dominates another one if it is at most as large on every axis and smaller on at least one, so
    equal points are all on the front, or none of them is.

    Args:
        points: By id; every axis is better when smaller, such as (1 - accuracy, latency in ms, bytes).
    """
    return {
        name
        for name, point in points.items()
        if not any(_dominates(other, point) for other in points.values())
    }


def _dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))
