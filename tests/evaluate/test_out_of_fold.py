"""Limits out of fold are further from the estimate, by what was simulated, and never nearer."""

from __future__ import annotations

import numpy as np
import pytest

from trimtab.artifacts.evaluation import Drop
from trimtab.evaluate.bounds.base import Bound
from trimtab.evaluate.out_of_fold import drop, widened


@pytest.mark.parametrize(("bound", "times"), [("proportions", 1.25), ("means", 1.5), ("resampled", 1.5)])
def test_the_distance_of_the_limit_from_the_estimate_grows(bound: str, times: float) -> None:
    found = Bound(0.01, 0.03, "exact")
    assert widened(found, bound, 1) is found
    wide = widened(found, bound, 5)
    assert wide.upper == pytest.approx(0.01 + times * 0.02)
    assert (wide.loss, wide.proven) == (0.01, True)
    assert wide.method == f"exact; {times:g} times as far, for 5 folds"


def test_where_nothing_is_ruled_out_that_stays() -> None:
    nothing = Bound(np.nan, np.inf, "none", False, "no test example is of it")
    assert widened(nothing, "means", 5) is nothing


def test_the_drop_of_a_tasks_own_metric_is_widened_alike() -> None:
    found = Drop(observed=-0.01, upper_bound=0.01, confidence=0.95, examples=400)
    assert drop(found, "classification", 1) == found
    assert drop(found, "classification", 5).upper_bound == pytest.approx(0.015)
    assert drop(found, "regression", 5).upper_bound == pytest.approx(0.02)
