"""How well the items of each user are put in order, held against scikit-learn's and by hand."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import ndcg_score
from tasks.test_measures import CLASSES, measure

from trimtab.tasks.metrics import recommending
from trimtab.tasks.metrics.base import Measure


def ratings(users: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns stars, answers with many ties, and users in no order, ``(n,)`` each."""
    random = np.random.default_rng(0)
    groups = random.permutation(np.repeat(np.arange(users) * 7 - 100, random.integers(2, 30, users)))
    stars = random.integers(1, 6, len(groups)).astype(np.float64)
    return stars, np.round(stars + random.normal(0, 1.5, len(groups))), groups


def scores(found: Measure, labels: Any, answers: Any, groups: Any) -> np.ndarray:
    assert found.per_group is not None
    return found.per_group(np.asarray(labels), np.asarray(answers), np.asarray(groups))


@pytest.mark.parametrize("k", [1, 3, 10])
def test_ndcg_of_each_user_is_scikit_learn_s(k: int) -> None:
    stars, answers, groups = ratings()
    found = scores(measure("ndcg_at_k", [], k=k), stars, answers, groups)
    users = [groups == user for user in np.unique(groups)]
    expected = [ndcg_score([stars[rows]], [answers[rows]], k=k) for rows in users]
    counts = np.isfinite(found)
    assert counts.sum() > 50
    np.testing.assert_allclose(found[counts], np.array(expected)[counts], rtol=1e-12)
    assert [len(np.unique(stars[rows])) == 1 for rows in users] == (~counts).tolist()


def test_recall_is_the_mean_over_all_orders_of_what_is_tied() -> None:
    relevant, answers, k = np.array([1.0, 0, 1, 0, 1]), np.array([2.0, 2, 2, 1, 1]), 2

    def of(order: Any) -> float:
        return float(relevant[list(order)][:k].sum() / relevant.sum())

    orders = [each for each in permutations(range(5)) if (np.diff(answers[list(each)]) <= 0).all()]
    expected = np.mean([of(order) for order in orders])
    assert recommending.recall(relevant, answers, np.zeros(5, int), k) == pytest.approx(expected)


def test_items_are_relevant_from_a_label_on_whatever_float32_made_of_it() -> None:
    found = measure("recall_at_k", [], k=1, relevant_from=4.0)
    assert found.name == "recall@1 of 4 and more"
    labels = np.array([4 - 2e-7, 1, 5, 5, 1, 3])
    assert scores(found, labels, [9, 1, 9, 8, 1, 7], [0, 0, 1, 1, 1, 1]).tolist() == [1.0, 0.5]


def test_of_classes_the_probability_of_one_puts_items_in_order() -> None:
    labels, answers = np.array([0, 1, 1, 0]), np.array([0.2, 0.6, 0.1, 0.3])
    both = np.stack([1 - answers, answers], axis=1)
    assert scores(measure("recall_at_k", ["no", "yes"], k=2), labels, both, np.zeros(4, int)) == [0.5]
    expected = ndcg_score([labels], [answers], k=2)
    found = scores(measure("ndcg_at_k", ["no", "yes"], k=2), labels, both, np.zeros(4, int))
    assert found == pytest.approx([expected])
    assert measure("ndcg_at_k", CLASSES, k=2, class_name="dog").name == "NDCG@2 of dog"


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        ("ndcg_at_k", [3, 3, 3]),  # all worth the same
        ("ndcg_at_k", [0, 0, 0]),  # nothing worth anything
        ("ndcg_at_k", [5]),
        ("recall_at_k", [1, 2, 1]),  # nothing relevant
        ("recall_at_k", [5, 4, 4]),  # everything
        ("recall_at_k", [5, 1]),  # all are looked at
    ],
)
def test_who_tells_no_order_from_another_is_left_out(metric: str, labels: list[int]) -> None:
    asked = {"relevant_from": 4.0} if metric == "recall_at_k" else {}
    found = measure(metric, [], k=2, **asked)
    assert np.isnan(scores(found, labels, range(len(labels)), [0] * len(labels))).all()


@pytest.mark.parametrize(
    ("metric", "classes", "asked", "message"),
    [
        ("recall_at_k", [], {}, "say from which on an item is relevant: relevant_from: 4"),
        ("recall_at_k", ["no", "yes"], {"relevant_from": 4.0}, "these are classes"),
        ("ndcg_at_k", CLASSES, {}, "are of one of the 4 classes, or are not: name it"),
        ("ndcg_at_k", CLASSES, {"class_name": "fish"}, "there is no class 'fish'"),
    ],
)
def test_what_does_not_fit_is_said(
    metric: str, classes: list[str], asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        measure(metric, classes, k=10, **asked)


def test_labels_below_0_are_worth_nothing_that_can_be_summed() -> None:
    objection = measure("ndcg_at_k", [], k=10).objection
    assert objection is not None
    assert objection(np.array([-1e-7, 3.0])) == ""
    assert "one is -2, below 0" in objection(np.array([-2.0, 3.0]))
