from __future__ import annotations

import numpy as np

from trimtab.evaluate import pareto


def test_front_keeps_what_nothing_beats():
    points = {
        "exact": (0.01, 5.0, 100),
        "fast": (0.03, 1.0, 100),
        "worse": (0.03, 2.0, 100),
        "small": (0.05, 2.0, 10),
    }
    assert pareto.front(points) == {"exact", "fast", "small"}


def test_equal_points_are_all_on_the_front():
    assert pareto.front({"a": (1, 1), "b": (1, 1), "c": (1, 2)}) == {"a", "b"}
    assert pareto.front({}) == set()


def test_every_point_off_the_front_is_dominated_by_one_on_it():
    points = {str(i): tuple(p) for i, p in enumerate(np.random.default_rng(0).random((60, 3)).round(1))}
    front = pareto.front(points)
    for name, point in points.items():
        dominated = [f for f in front if all(a <= b for a, b in zip(points[f], point, strict=True))]
        assert dominated
        if name in front:
            assert all(points[f] == point for f in dominated)
