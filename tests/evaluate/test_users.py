"""Limits of what is put in order for each user: users are the units of the proof."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from evaluate.answers import NUMBERS, asked, stands
from pydantic import ValidationError
from sklearn.metrics import ndcg_score

from trimtab.artifacts.evaluation import Examples
from trimtab.config.budget import Budget
from trimtab.config.config import Config
from trimtab.errors import ConfigError, DataError
from trimtab.evaluate.demands import demands
from trimtab.evaluate.expected import Expectation
from trimtab.evaluate.limits import Split

NDCG = {"metric": "ndcg_at_k", "k": 5, "max_drop": 0.03}
RECALL = {"metric": "recall_at_k", "k": 5, "relevant_from": 60, "max_drop": 0.05}


def ndcg_of_each(labels: np.ndarray, answers: np.ndarray, groups: np.ndarray, k: int) -> list[float]:
    """Returns scikit-learn's NDCG of every user."""
    users = (groups == user for user in np.unique(groups))
    return [ndcg_score([labels[rows]], [answers[rows]], k=k) for rows in users]


def ratings(users: int, noise: float = 0.0, seed: int = 0) -> tuple[Split, Examples, Examples]:
    """Returns items of users, and what two models make of them, of which one adds noise."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(users), random.integers(5, 20, users))
    labels = random.normal(size=len(groups)).astype(np.float32)
    split = Split("regression", NUMBERS, len(groups), lambda: labels, groups=groups)
    before = labels + random.normal(0, 0.5, len(groups)).astype(np.float32)
    after = before + random.normal(0, 1, len(groups)).astype(np.float32) * np.float32(noise)
    one, other = (Examples(np.abs(each - labels) * 10, each[:, None]) for each in (before, after))
    return split, one, other


def test_a_limit_is_of_the_mean_over_users() -> None:
    split, before, after = ratings(300, noise=0.3)
    found = stands(split, before, after, limits=[NDCG, RECALL])
    assert list(found) == ["NDCG@5", "recall@5 of 60 and more"]
    stars = split.labels * 10.0 + 50
    told = after.answers[:, 0] * 10.0 + 50
    each = ndcg_of_each(stars, told, split.groups, 5)
    ndcg = found["NDCG@5"]
    assert ndcg.value == pytest.approx(np.mean(each), rel=1e-6)
    assert 0 < ndcg.loss < ndcg.upper_bound < 0.03
    assert ndcg.holds
    assert ndcg.proven
    assert "cluster" in ndcg.method


def test_a_model_that_orders_at_random_is_refused_though_its_rows_are_many() -> None:
    split, before, after = ratings(300, noise=20)
    assert not any(test.holds for test in stands(split, before, after, limits=[NDCG, RECALL]).values())


def test_few_users_make_an_estimate_however_many_rows_they_have() -> None:
    split, before, _ = ratings(100)
    (test,) = stands(split, before, before, limits=[NDCG]).values()
    assert (test.loss, test.proven, test.why_not) == (0, False, "fewer than 200 groups")


def test_damage_to_one_user_in_fifty_is_found_as_often_as_is_said() -> None:
    split, before, _ = ratings(4_000)
    (demand,) = asked(split, limits=[NDCG])
    everything = np.arange(split.count)
    random, misses, runs = np.random.default_rng(1), 0, 300
    is_hit = (random.random(4_000) < 0.02)[split.groups]
    hit = replace(before, answers=np.where(is_hit[:, None], -before.answers, before.answers))
    was, now = (demand.data(split, each, everything).known for each in (before, hit))
    truth = float((was - now).mean())
    for _ in range(runs):
        users = random.integers(0, len(was), 200)
        few = Split("regression", NUMBERS, 200, lambda: np.zeros(200), groups=np.arange(200))
        pair = [_Known(each[users]) for each in (was, now)]
        misses += demand._bound(few, *pair, np.arange(200), 0.95).upper < truth
    assert misses / runs <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5


class _Known:
    """See ``limits.Data``: scores alone."""

    def __init__(self, known: np.ndarray) -> None:
        self.known, self.view = known, None


def test_validation_forecasts_by_its_users() -> None:
    split, before, after = ratings(40, noise=0.5)
    (demand,) = asked(split, limits=[NDCG])
    expected = Expectation(demand, split, before, test_examples=10 * split.count)
    assert expected.losses(after).shape == (40,)
    assert expected.stake.examples == 400
    alone = Split("regression", NUMBERS, split.count, lambda: split.labels, groups=np.arange(split.count))
    nobody = Expectation(demand, alone, before, test_examples=500)
    assert nobody.losses(after).size == 0


def shifted(split: Split) -> Split:
    return replace(split, target=replace(NUMBERS, label_mean=0.0))


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda split: replace(split, groups=None), ConfigError, "name the users' column by"),
        (lambda split: replace(split, groups=np.arange(split.count)), DataError, "every order of a group's"),
        (shifted, DataError, "NDCG@5 cannot be judged: a label is what its item is worth, and one is -"),
    ],
)
def test_what_cannot_be_judged_is_refused(change: Any, error: type[Exception], said: str) -> None:
    split, *_ = ratings(30)
    with pytest.raises(error, match=said):
        demands(Budget.model_validate({"limits": [NDCG]}), change(split))


def test_a_config_without_users_is_refused_where_it_asks() -> None:
    config = {"data": {"train": "r.csv", "label": "stars"}, "model": {"architecture": "mlp"}}
    limits = {"budget": {"limits": [{"metric": "mae", "max_increase": 0.1}, NDCG]}}
    with pytest.raises(ValidationError, match="name the users' column by") as refused:
        Config.model_validate({**config, **limits})
    assert refused.value.errors()[0]["loc"] == ("budget", "limits", 1, "metric")
    config["data"]["group_by"] = "user"
    assert Config.model_validate({**config, **limits}).budget.limits[1].k == 5
