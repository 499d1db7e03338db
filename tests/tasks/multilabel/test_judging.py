"""Metrics, thresholds and scores of several labels, against scikit-learn's."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from sklearn import metrics as sk

from trimtab.tasks.registry import task

JUDGING = task("multilabel").judging


@dataclass(frozen=True)
class Target:
    """See ``tasks.base.Target``."""

    classes: list[str]
    thresholds: list[float] = field(default_factory=list)
    label_mean: float = 0.0
    label_std: float = 1.0


def draw(n: int = 400, labels: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (rng.random((n, labels)) < [0.5, 0.3, 0.1, 0.05][:labels]).astype(np.float32)
    logits = 2 * y - 1.5 + rng.normal(size=y.shape)
    return (1 / (1 + np.exp(-logits))).astype(np.float32), y


NAMES = ["a", "b", "c", "d"]


def test_metrics_agree_with_scikit_learn() -> None:
    outputs, y = draw()
    told = outputs >= 0.5
    found = JUDGING.quality(outputs, y, Target(NAMES))
    expected = {
        "sample_f1": sk.f1_score(y, told, average="samples", zero_division=1.0),
        "accuracy": sk.accuracy_score(y, told),
        "hamming_loss": sk.hamming_loss(y, told),
        "macro_f1": sk.f1_score(y, told, average="macro", zero_division=0.0),
        "micro_f1": sk.f1_score(y, told, average="micro"),
        "mean_average_precision": sk.average_precision_score(y, outputs, average="macro"),
        "log_loss": np.mean([sk.log_loss(y[:, k], outputs[:, k]) for k in range(4)]),
    }
    assert found.metrics == pytest.approx(expected, abs=1e-6)
    _, recall, _, support = sk.precision_recall_fscore_support(y, told, zero_division=0.0)
    assert [entry.recall for entry in found.per_class.values()] == pytest.approx(recall)
    assert [entry.examples for entry in found.per_class.values()] == support.tolist()


def test_equal_probabilities_are_found_together() -> None:
    rng = np.random.default_rng(1)
    y = (rng.random((300, 4)) < 0.3).astype(np.float32)
    outputs = (rng.integers(0, 4, y.shape) / 4).astype(np.float32)
    found = JUDGING.quality(outputs, y, Target(NAMES)).metrics["mean_average_precision"]
    assert found == pytest.approx(sk.average_precision_score(y, outputs, average="macro"))


def mean_f1(outputs: np.ndarray, y: np.ndarray, thresholds: list[float]) -> float:
    target = Target(NAMES, thresholds)
    return float(JUDGING.scores(outputs, y, target, target).mean())


def test_no_other_threshold_of_a_label_is_better() -> None:
    outputs, y = draw()
    chosen = JUDGING.thresholds(outputs, y, Target(NAMES))
    best = mean_f1(outputs, y, chosen)
    assert best > mean_f1(outputs, y, [0.5] * 4)
    for k in range(4):
        for cut in np.unique(outputs[:, k]).tolist():
            others = [*chosen[:k], cut, *chosen[k + 1 :]]
            assert mean_f1(outputs, y, others) <= best + 1e-9


def test_a_label_that_cannot_be_told_is_given_to_none_or_to_all() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random((500, 2)) < [0.9, 0.05]).astype(np.float32)
    outputs = rng.random(y.shape).astype(np.float32)
    target = Target(["often", "seldom"])
    told = outputs >= np.float32(JUDGING.thresholds(outputs, y, target))
    assert told.mean(axis=0) == pytest.approx([1, 0], abs=0.05)


def test_thresholds_are_a_half_where_that_is_as_good() -> None:
    outputs = np.array([[0.9, 0.2], [0.8, 0.3], [0.1, 0.4]], np.float32)
    y = np.array([[1, 0], [1, 0], [0, 0]], np.float32)
    assert JUDGING.thresholds(outputs, y, Target(["a", "b"])) == [0.5, 0.5]


def test_thresholds_decide_what_is_told_and_answered() -> None:
    outputs = np.array([[0.3, 0.6]], np.float32)
    strict, usual = Target(["a", "b"], [0.2, 0.7]), Target(["a", "b"])
    answers = [next(iter(task("multilabel").words.answers(outputs, target))) for target in (strict, usual)]
    assert [answer["labels"] for answer in answers] == [["a"], ["b"]]
    assert answers[0]["probabilities"] == pytest.approx({"a": 0.3, "b": 0.6})
    y = np.array([[1.0, 0.0]])
    assert JUDGING.scores(outputs, y, usual, strict).tolist() == [1.0]
    assert JUDGING.scores(outputs, y, usual, usual).tolist() == [0.0]


def test_an_example_without_labels_is_right_where_none_is_given() -> None:
    nothing = np.zeros((2, 2))
    outputs = np.array([[0.1, 0.1], [0.9, 0.1]])
    assert JUDGING.scores(outputs, nothing, Target(["a", "b"]), Target(["a", "b"])).tolist() == [1.0, 0.0]


def test_an_older_model_is_judged_by_name_and_wrong_where_it_does_not_know_a_label() -> None:
    own, asked = Target(["a", "old"]), Target(["new", "a"])
    outputs = np.array([[0.9, 0.1], [0.9, 0.9], [0.1, 0.1]])
    labels = np.array([[0, 1], [1, 1], [1, 0]])  # a; new and a; new
    assert JUDGING.scores(outputs, labels, asked, own) == pytest.approx([1.0, 0.5, 0.0])


def test_a_model_that_always_gives_the_most_frequent_labels_is_warned_of() -> None:
    outputs, y = draw()
    target = Target(NAMES)
    constant = np.tile(np.float32([0.9, 0.1, 0.1, 0.1]), (len(y), 1))
    warned = JUDGING.no_better_than_a_constant(JUDGING.scores(constant, y, target, target), y, target)
    assert "such as a, b" in warned
    assert not JUDGING.no_better_than_a_constant(JUDGING.scores(outputs, y, target, target), y, target)
