from __future__ import annotations

import numpy as np
import pytest

from trimtab.evaluate.bounds.means import means
from trimtab.evaluate.bounds.resampled import resampled


def f1(labels, answers):
    hits = float((labels * answers).sum())
    return 2 * hits / float(labels.sum() + answers.sum())


def rmse(labels, answers):
    return float(np.sqrt(((labels - answers) ** 2).mean()))


def mae(labels, answers):
    return float(np.abs(labels * 1.0 - answers).mean())


def flipped(labels, share, rng):
    return np.where(rng.random(len(labels)) < share, 1 - labels, labels)


def test_a_loss_is_positive_whichever_way_the_metric_is_better():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 1000)
    bound = resampled(f1, labels, flipped(labels, 0.05, rng), flipped(labels, 0.2, rng), 0.95)
    assert 0.1 < bound.loss < bound.upper < 0.2
    numbers = rng.normal(size=1000)
    before, after = numbers + rng.normal(0, 0.1, 1000), numbers + rng.normal(0, 0.2, 1000)
    bound = resampled(rmse, numbers, before, after, 0.95, higher_is_better=False)
    assert 0.09 < bound.loss < bound.upper < 0.12
    bound = resampled(rmse, numbers, before, after, 0.95, higher_is_better=False, relative=True)
    assert 0.8 < bound.loss < bound.upper < 1.2


def test_of_a_mean_the_limit_is_near_that_of_the_t_test():
    rng = np.random.default_rng(1)
    labels = rng.normal(size=2000)
    before, after = labels + rng.normal(0, 0.5, 2000), labels + rng.normal(0, 0.5, 2000)
    bound = resampled(mae, labels, before, after, 0.95, higher_is_better=False)
    exact = means(np.abs(before - labels), np.abs(after - labels), 0.95)
    assert exact.upper - exact.loss < bound.upper - bound.loss < 1.5 * (exact.upper - exact.loss)


def test_groups_are_drawn_whole():
    rng = np.random.default_rng(2)
    labels, groups = rng.normal(size=1000), np.repeat(np.arange(50), 20)
    before = labels + rng.normal(0, 0.3, 1000)
    after = before + np.repeat(rng.normal(0, 0.3, 50), 20)
    alone = resampled(mae, labels, before, after, 0.95, higher_is_better=False)
    together = resampled(mae, labels, before, after, 0.95, groups, higher_is_better=False)
    assert together.loss == alone.loss
    assert together.upper - together.loss > 1.7 * (alone.upper - alone.loss)


def test_the_limit_is_the_same_every_time():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 300)
    models = flipped(labels, 0.1, rng), flipped(labels, 0.1, rng)
    assert resampled(f1, labels, *models, 0.95) == resampled(f1, labels, *models, 0.95)


def test_without_a_baseline_the_value_is_held_against_a_limit():
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 2, 1000)
    after = flipped(labels, 0.05, rng)
    floor = resampled(f1, labels, None, after, 0.95, allowed=0.9)
    assert floor.loss == pytest.approx(0.9 - f1(labels, after))
    assert floor.loss < floor.upper < 0
    numbers = rng.normal(size=1000)
    answers = numbers + rng.normal(0, 0.2, 1000)
    ceiling = resampled(rmse, numbers, None, answers, 0.95, higher_is_better=False, allowed=0.25)
    assert ceiling.loss == pytest.approx(rmse(numbers, answers) - 0.25)
    assert ceiling.loss < ceiling.upper < 0


def test_where_the_metric_is_not_defined_nothing_is_ruled_out():
    labels = np.array([0] * 29 + [1])
    with np.errstate(invalid="ignore"):
        bound = resampled(
            lambda y, a: float(a[y == 1].sum() / np.float64((y == 1).sum())), labels, labels, labels, 0.95
        )
    assert bound.upper == np.inf
    assert not bound.proven


@pytest.mark.parametrize(
    ("labels", "why_not"),
    [
        (np.arange(600) % 2, ""),
        (np.arange(499) % 2, "fewer than 500 examples"),
        ((np.arange(600) < 49).astype(int), "fewer than 50 examples of the rarest class"),
        (
            np.stack([np.arange(600) < 300, np.arange(600) < 20], axis=1),
            "fewer than 50 examples of the rarest class",
        ),
        (np.arange(600) / 7, "fewer than 2,000 examples"),
    ],
)
def test_what_a_proof_lacks_is_said(labels, why_not):
    bound = resampled(mae, labels, labels, labels, 0.95, higher_is_better=False)
    assert (bound.proven, bound.why_not) == (not why_not, why_not)
