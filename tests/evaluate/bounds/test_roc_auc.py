from __future__ import annotations

import numpy as np
import pytest

from trimtab.evaluate.bounds import roc_auc as delong
from trimtab.evaluate.bounds.roc_auc import roc_auc


def scores(n=600, share=0.4, noise=0.5, seed=0):
    """Returns labels, and scores with ties of two models that answer much alike."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) < share * n).astype(int)
    common = labels + rng.normal(0, 1, n)
    return labels, np.round(common, 1), np.round(common + rng.normal(0, noise, n), 1)


def placements(values, labels):
    """Returns DeLong's structural components by their definition, and the area."""
    positive, negative = values[labels == 1], values[labels == 0]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    return wins.mean(axis=1), wins.mean(axis=0), wins.mean()


def test_loss_and_components_are_those_of_the_definition():
    labels, before, after = scores()
    tenths, ones, area = placements(after, labels)
    found, parts = delong._components(after, labels.astype(bool))
    assert found == pytest.approx(area)
    assert parts[labels == 1] == pytest.approx((tenths - area) / 240)
    assert parts[labels == 0] == pytest.approx((ones - area) / 360)
    assert roc_auc(labels, before, after, 0.95).loss == pytest.approx(placements(before, labels)[2] - area)


def test_the_limit_is_near_that_of_delong():
    labels, before, after = scores(6000)
    (a, b, before_area), (c, d, area) = placements(before, labels), placements(after, labels)
    error = np.sqrt(np.var(a - c, ddof=1) / 2400 + np.var(b - d, ddof=1) / 3600)
    bound = roc_auc(labels, before, after, 0.95)
    assert bound.upper == pytest.approx(before_area - area + 1.645 * error, rel=0.02)
    assert bound.proven


def test_without_a_baseline_the_area_is_held_against_a_floor():
    labels, _, after = scores(6000)
    area = placements(after, labels)[2]
    bound = roc_auc(labels, None, after, 0.95, least=0.7)
    assert bound.loss == pytest.approx(0.7 - area)
    assert 0.01 < bound.upper - bound.loss < 0.015


def test_rows_that_are_there_twice_count_once():
    labels, before, after = scores()
    twice = [np.tile(one, 2) for one in (labels, before, after)]
    groups = np.tile(np.arange(600), 2)
    once, grouped = roc_auc(labels, before, after, 0.95), roc_auc(*twice, 0.95, groups)
    assert grouped.upper == pytest.approx(once.upper, abs=1e-9)
    assert roc_auc(*twice, 0.95).upper < once.upper


def test_few_examples_of_a_class_are_an_estimate():
    labels, before, after = scores(1000, share=0.02)
    bound = roc_auc(labels, before, after, 0.95)
    assert not bound.proven
    assert bound.why_not.endswith("examples of the rarest class")
    nothing = roc_auc(np.zeros(50), before[:50], after[:50], 0.95)
    assert (nothing.proven, nothing.upper) == (False, 1.0)


def test_where_the_candidate_ranks_as_the_baseline_does_nothing_can_be_lost():
    labels, before, _ = scores()
    bound = roc_auc(labels, before, before / 3 - 1, 0.95)
    assert bound.loss == pytest.approx(0, abs=1e-12)
    assert bound.upper == pytest.approx(0, abs=1e-9)


def test_the_groups_of_the_rarer_class_count():
    labels, before, after = scores(2000, share=0.1)
    spread, together = (
        np.arange(2000) % 100,
        np.where(labels == 1, np.arange(2000) % 5, np.arange(2000) % 100),
    )
    assert roc_auc(labels, before, after, 0.95, spread).proven
    assert roc_auc(labels, before, after, 0.95, together).why_not == (
        "of the rarest class: fewer than 20 groups"
    )
