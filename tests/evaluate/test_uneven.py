"""Which parts of the test rows are said to lose more than the others."""

import numpy as np
import pytest

from trimtab.evaluate.uneven import losses


def rows_of(n, chosen):
    rows = np.zeros(n, bool)
    rows[chosen] = True
    return rows


def test_a_class_that_alone_is_damaged_is_flagged():
    before, after = np.ones(1000), np.ones(1000)
    after[:30] = 0  # 30 of the 100 examples of `a`
    parts = {("class", "a"): rows_of(1000, slice(0, 100)), ("class", "b"): rows_of(1000, slice(100, 1000))}
    a, b = losses(parts, before, after, 0.95, "classification")
    assert (a.part, a.examples, a.larger) == ("a", 100, True)
    assert a.loss == pytest.approx(0.3)
    assert a.others == 0
    assert (b.part, b.larger) == ("b", False)


def test_two_mistakes_in_a_small_class_are_no_proof():
    before, after = np.ones(1000), np.ones(1000)
    after[:2] = 0
    parts = {("class", name): rows_of(1000, slice(at, at + 20)) for at, name in ((0, "a"), (20, "b"))}
    found = losses(parts, before, after, 0.95, "classification")
    assert [one.larger for one in found] == [False, False]
    assert found[0].loss == pytest.approx(0.1), "the largest loss is first"


def test_a_loss_that_is_the_same_everywhere_is_no_part_s():
    before, after = np.ones(2000), np.ones(2000)
    after[::4] = 0
    parts = {("slice", "north"): rows_of(2000, slice(0, 800))}
    (north,) = losses(parts, before, after, 0.95, "classification")
    assert north.loss == pytest.approx(north.others)
    assert not north.larger


def test_of_regression_a_loss_is_relative():
    rng = np.random.default_rng(0)
    before = rng.uniform(0.5, 1.5, 1500)
    after = before.copy()
    after[:600] *= 2
    parts = {("slice", "old"): rows_of(1500, slice(0, 600)), ("slice", "empty"): np.zeros(1500, bool)}
    (old,) = losses(parts, before, after, 0.95, "regression")
    assert old.loss == pytest.approx(1.0)
    assert old.others == pytest.approx(0)
    assert old.larger


def test_without_other_rows_nothing_is_larger():
    before, after = np.ones(50), np.zeros(50)
    (all_rows,) = losses({("class", "a"): np.ones(50, bool)}, before, after, 0.95, "classification")
    assert not all_rows.larger


def test_seldom_is_a_part_called_worse_that_is_not():
    """Over 400 runs with the same loss everywhere; 5 % would be allowed, and Bonferroni is below."""
    rng, wrong = np.random.default_rng(1), 0
    parts = {("class", str(i)): rows_of(600, slice(60 * i, 60 * i + 60)) for i in range(10)}
    for _ in range(400):
        after = (rng.random(600) > 0.1).astype(float)
        wrong += any(one.larger for one in losses(parts, np.ones(600), after, 0.95, "classification"))
    assert wrong / 400 <= 0.05


def test_out_of_fold_it_takes_more_to_say_so():
    before, after = np.ones(1000), np.ones(1000)
    parts = {("class", "a"): rows_of(1000, slice(0, 100))}
    lost = 0
    while not losses(parts, before, after, 0.95, "classification")[0].larger:
        after[lost] = 0
        lost += 1
    assert not losses(parts, before, after, 0.95, "classification", folds=5)[0].larger
    after[: 2 * lost] = 0
    assert losses(parts, before, after, 0.95, "classification", folds=5)[0].larger
