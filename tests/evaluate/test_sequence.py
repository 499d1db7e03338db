from __future__ import annotations

import numpy as np
import pytest

from trimtab.evaluate import sequence
from trimtab.evaluate.order import Order


def test_a_fixed_sequence_stops_at_the_first_that_fails():
    order = Order(np.array([1.0, 0, 0, 0]), np.array([1, 2, 3, -1]), (0, 1, 2, 3))
    tests = sequence.run(order, lambda candidate, _: candidate != 2, 0.05)
    assert [(test.candidate, test.passed) for test in tests] == [(0, True), (1, True), (2, False)]
    assert {test.level for test in tests} == {0.05}


def test_shares_add_up_where_sequences_join_and_are_lost_where_one_ends():
    order = Order(np.array([0.5, 0.5, 0]), np.array([2, 2, -1]), (0, 1, 2))
    levels = {
        failing: [test.level for test in sequence.run(order, lambda c, _, f=failing: c != f, 0.04)]
        for failing in (None, 0, 1)
    }
    assert levels == {
        None: pytest.approx([0.02, 0.02, 0.04]),
        0: pytest.approx([0.02, 0.02, 0.02]),
        1: pytest.approx([0.02, 0.02, 0.02]),
    }
    none = sequence.run(order, lambda *_: False, 0.04)
    assert [test.candidate for test in none] == [0, 1]
