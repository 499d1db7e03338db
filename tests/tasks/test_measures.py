"""Every metric of the registry, held against scikit-learn's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from trimtab.registry import METRICS, module
from trimtab.tasks.metrics.base import Measure, Metric

CLASSES = ["bird", "cat", "dog", "eel"]


@dataclass(frozen=True)
class At:
    precision: float


@dataclass(frozen=True)
class Asked:
    """See ``metrics.base.Asked``."""

    class_name: str | None = None
    at: At | None = None
    k: int | None = None
    quantile: float | None = None
    relevant_from: float | None = None


def entry(name: str) -> Metric:
    found = module(METRICS, name).METRICS[name]
    assert isinstance(found, Metric)
    return found


def measure(name: str, classes: list[str], **asked: Any) -> Measure:
    return entry(name).make(Asked(**asked), classes)


def classes_of(count: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(count)
    labels = random.integers(0, count, n)
    logits = np.round(random.normal(size=(n, count)) + 1.2 * np.eye(count)[labels], 1)  # with ties
    return labels, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def numbers(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = random.normal(5, 2, n)
    return labels, labels + random.standard_t(3, n)


def several(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    labels = (random.random((n, 4)) < [0.6, 0.4, 0.2, 0.1]).astype(np.float64)
    return labels, np.round(1 / (1 + np.exp(-(2 * labels - 1 + random.normal(size=(n, 4))))), 2)


def masks(n: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Returns true classes and told ones of every pixel, ``(n, 30)`` each."""
    random = np.random.default_rng(2)
    truly = random.integers(0, 4, (n, 30))
    return truly, np.where(random.random((n, 30)) < 0.6, truly, random.integers(0, 4, (n, 30)))


def by_image(truly: np.ndarray, told: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns them as metrics of masks see them."""
    there, found = (np.stack([(each == place).sum(1) for place in range(4)], 1) for each in (truly, told))
    right = np.where(truly == told, truly, -1)
    hits = np.stack([(right == place).sum(1) for place in range(4)], 1)
    return there, np.concatenate([hits, found], axis=1)


BINARY, FOUR, NUMBERS, SEVERAL = classes_of(2), classes_of(4), numbers(), several()
PIXELS = masks()
MASKS, FLAT = by_image(*PIXELS), tuple(each.ravel() for each in PIXELS)


def one_hot(labels: np.ndarray) -> np.ndarray:
    return np.eye(4)[labels]


CASES = {
    "accuracy": (FOUR, {}, lambda y, p: sk.accuracy_score(y, p.argmax(1))),
    "balanced_accuracy": (FOUR, {}, lambda y, p: sk.balanced_accuracy_score(y, p.argmax(1))),
    "macro_f1": (FOUR, {}, lambda y, p: sk.f1_score(y, p.argmax(1), average="macro")),
    "micro_f1": (FOUR, {}, lambda y, p: sk.f1_score(y, p.argmax(1), average="micro")),
    "sample_f1": (
        SEVERAL,
        {},
        lambda y, p: sk.f1_score(y, p >= 0.5, average="samples", zero_division=1.0),
    ),
    "recall": (FOUR, {"class_name": "dog"}, lambda y, p: sk.recall_score(y == 2, p.argmax(1) == 2)),
    "precision": (FOUR, {"class_name": "dog"}, lambda y, p: sk.precision_score(y == 2, p.argmax(1) == 2)),
    "top_k": (FOUR, {"k": 2}, lambda y, p: sk.top_k_accuracy_score(y, p - 1e-9 * np.arange(4), k=2)),
    "roc_auc": (BINARY, {}, lambda y, p: sk.roc_auc_score(y, p[:, 1])),
    "average_precision": (BINARY, {}, lambda y, p: sk.average_precision_score(y, p[:, 1])),
    "log_loss": (FOUR, {}, lambda y, p: sk.log_loss(y, p)),
    "brier": (FOUR, {}, lambda y, p: np.square(p - one_hot(y)).sum(1).mean()),
    "calibration_error": (FOUR, {}, None),
    "mean_iou": (MASKS, {}, lambda *_: sk.jaccard_score(*FLAT, average="macro")),
    "iou": (MASKS, {"class_name": "dog"}, lambda *_: sk.jaccard_score(*FLAT, average=None)[2]),
    "pixel_accuracy": (MASKS, {}, lambda *_: sk.accuracy_score(*FLAT)),
    "mae": (NUMBERS, {}, sk.mean_absolute_error),
    "rmse": (NUMBERS, {}, sk.root_mean_squared_error),
    "mape": (NUMBERS, {}, sk.mean_absolute_percentage_error),
    "r2": (NUMBERS, {}, sk.r2_score),
    "quantile_loss": (NUMBERS, {"quantile": 0.9}, lambda y, p: sk.mean_pinball_loss(y, p, alpha=0.9)),
}


def names(view: tuple[np.ndarray, np.ndarray]) -> list[str]:
    return {8: CLASSES, 4: CLASSES, 2: ["no", "yes"]}.get(view[1].shape[-1], []) if view[1].ndim == 2 else []


OF_ROWS = [name for name in METRICS if not entry(name).by_group]  # of groups: see test_recommending.py


@pytest.mark.parametrize("name", OF_ROWS)
def test_it_agrees_with_scikit_learn(name: str) -> None:
    (labels, answers), asked, expected = CASES[name]
    found = measure(name, names((labels, answers)), **asked)
    value = found.value(labels, answers)
    if expected is not None:
        assert value == pytest.approx(expected(labels, answers), abs=1e-12)
    else:
        assert 0 < value < 1
    assert found.better == entry(name).better


MEANS = [
    name
    for name in OF_ROWS
    if measure(name, names(CASES[name][0]), **CASES[name][1]).bound in ("proportions", "means")
]


@pytest.mark.parametrize("name", MEANS)
def test_its_scores_are_what_it_is_the_mean_of(name: str) -> None:
    (labels, answers), asked, _ = CASES[name]
    found = measure(name, names((labels, answers)), **asked)
    assert found.scores is not None
    rows = np.ones(len(labels), bool) if found.rows is None else found.rows(labels)
    mean = float(found.scores(labels[rows], answers[rows]).mean())
    assert mean ** (1 / found.root) == pytest.approx(found.value(labels, answers))


def test_of_several_classes_the_mean_of_each_against_the_rest_is_ranked() -> None:
    labels, answers = FOUR
    auc = np.mean([sk.roc_auc_score(labels == index, answers[:, index]) for index in range(4)])
    assert measure("roc_auc", CLASSES).value(labels, answers) == pytest.approx(auc)
    one = measure("average_precision", CLASSES, class_name="eel").value(labels, answers)
    assert one == pytest.approx(sk.average_precision_score(labels == 3, answers[:, 3]))


def test_of_several_labels_a_row_each_counts_by_itself() -> None:
    labels, answers = SEVERAL
    expected = sk.f1_score(labels, answers >= 0.5, average="macro")
    assert measure("macro_f1", CLASSES).value(labels, answers) == pytest.approx(expected)


def test_recall_is_read_where_the_precision_is_as_asked() -> None:
    labels, answers = BINARY
    found = measure("recall", ["no", "yes"], at=At(0.9))
    assert found.name == "recall at a precision of 0.9"
    precision, recall, _ = sk.precision_recall_curve(labels, answers[:, 1])
    assert found.value(labels, answers) == pytest.approx(recall[precision >= 0.9].max())
    never = np.tile([0.0, 1.0], (len(labels), 1))
    assert found.value(labels, never) == 0.0


def test_anomalies_are_ranked_by_their_score() -> None:
    labels, answers = BINARY
    found = measure("roc_auc", [])
    assert found.value(labels, answers[:, 1]) == pytest.approx(sk.roc_auc_score(labels, answers[:, 1]))


@pytest.mark.parametrize(
    ("name", "asked", "message"),
    [
        ("recall", {}, "name it, or use per_class"),
        ("recall", {"class_name": "fish"}, "there is no class 'fish'; the classes are bird, cat, dog, eel"),
        ("roc_auc", {"class_name": "fish"}, "there is no class 'fish'"),
        ("iou", {}, "iou is of one of the 4 classes: name it, or use per_class"),
        ("top_k", {"k": 1}, "as often as `accuracy` says: limit that"),
        ("top_k", {"k": 4}, "every answer is among the 4 likeliest of 4 classes"),
    ],
)
def test_what_does_not_fit_the_classes_is_said(name: str, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure(name, CLASSES, **asked)


def test_labels_of_0_have_no_percentage_error() -> None:
    labels, found = np.array([1e-9, 1.0, -20.0]), measure("mape", [])
    assert found.rows is not None
    assert found.rows(labels).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("name", "asked", "expected"),
    [
        ("recall", {"class_name": "dog"}, lambda y, p: sk.recall_score(y[:, 2], p[:, 2] >= 0.5)),
        ("precision", {"class_name": "dog"}, lambda y, p: sk.precision_score(y[:, 2], p[:, 2] >= 0.5)),
        ("roc_auc", {"class_name": "eel"}, lambda y, p: sk.roc_auc_score(y[:, 3], p[:, 3])),
        ("roc_auc", {}, lambda y, p: sk.roc_auc_score(y, p, average="macro")),
        ("average_precision", {}, lambda y, p: sk.average_precision_score(y, p, average="macro")),
        ("micro_f1", {}, lambda y, p: sk.f1_score(y, p >= 0.5, average="micro")),
        ("macro_f1", {}, lambda y, p: sk.f1_score(y, p >= 0.5, average="macro")),
    ],
)
def test_of_several_labels_a_row_it_agrees_too(name: str, asked: dict[str, Any], expected: Any) -> None:
    labels, answers = SEVERAL
    found = measure(name, CLASSES, **asked)
    assert "labels" in entry(name).forms
    assert found.value(labels, answers) == pytest.approx(expected(labels, answers), abs=1e-12)
    if found.rows is not None:
        rows = found.rows(labels)
        mean = found.scores(labels[rows], answers[rows]).mean()
        assert mean == pytest.approx(expected(labels, answers))
