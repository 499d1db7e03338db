from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from sklearn import metrics as sk

from trimtab.tasks.metrics import formulas as metrics
from trimtab.tasks.quality import Quality
from trimtab.tasks.registry import task


@dataclass(frozen=True)
class Target:
    """See ``tasks.base.Target``."""

    classes: list[str] = field(default_factory=list)
    label_mean: float = 0.0
    label_std: float = 1.0


def classification(outputs: np.ndarray, labels: np.ndarray, classes: list[str]) -> Quality:
    return task("classification").judging.quality(outputs, labels, Target(classes))


def regression(outputs: np.ndarray, labels: np.ndarray, mean: float, std: float) -> Quality:
    return task("regression").judging.quality(outputs, labels, Target([], mean, std))


def draw(classes, n=500, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[labels]
    outputs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return outputs, labels


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_classification_agrees_with_scikit_learn(classes):
    outputs, labels = draw(classes)
    found = classification(outputs, labels, [f"c{i}" for i in range(classes)])
    predicted = outputs.argmax(axis=1)
    expected = {
        "accuracy": sk.accuracy_score(labels, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(labels, predicted),
        "macro_f1": sk.f1_score(labels, predicted, average="macro"),
        "log_loss": sk.log_loss(labels, outputs),
    }
    if classes == 2:
        expected["roc_auc"] = sk.roc_auc_score(labels, outputs[:, 1])
    assert {name: found.metrics[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    assert set(found.metrics) == {*expected, "calibration_error"}
    assert found.confusion == sk.confusion_matrix(labels, predicted).tolist()
    precision, recall, f1, support = sk.precision_recall_fscore_support(labels, predicted)
    for index, entry in enumerate(found.per_class.values()):
        assert entry.precision == pytest.approx(precision[index])
        assert entry.recall == pytest.approx(recall[index])
        assert entry.f1 == pytest.approx(f1[index])
        assert entry.examples == support[index]
    assert found.scores.mean() == pytest.approx(found.metrics["accuracy"])


def test_ties_in_the_score_count_a_half():
    rng = np.random.default_rng(3)
    score, positive = rng.integers(0, 5, 400) / 5, rng.random(400) < 0.3
    assert metrics.roc_auc(score, positive) == pytest.approx(sk.roc_auc_score(positive, score))


def test_calibration_error_by_hand():
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.55, 0.55])
    right = np.array([True, True, True, False, True, False])
    # Bins of a fifteenth: |3/4 - 0.95| over four examples, |1/2 - 0.55| over two.
    assert metrics.calibration_error(confidence, right) == pytest.approx((4 * 0.2 + 2 * 0.05) / 6)


def test_calibration_error_of_extremes():
    assert metrics.calibration_error(np.ones(3), np.ones(3, bool)) == 0
    assert metrics.calibration_error(np.ones(3), np.zeros(3, bool)) == 1
    assert metrics.calibration_error(np.zeros(2), np.zeros(2, bool)) == 0


def test_a_class_without_test_examples_and_hard_zeros_stay_finite():
    outputs = np.array([[1.0, 0, 0], [0, 1.0, 0], [1.0, 0, 0]], np.float32)
    found = classification(outputs, np.array([0, 1, 1]), ["a", "b", "never"])
    assert all(np.isfinite(list(found.metrics.values())))
    assert found.metrics["balanced_accuracy"] == pytest.approx(0.75)
    assert found.per_class["never"].examples == 0


def test_two_classes_with_one_present_have_no_roc():
    found = classification(np.array([[0.9, 0.1]], np.float32), np.array([0]), ["a", "b"])
    assert "roc_auc" not in found.metrics


def test_regression_is_in_the_labels_unit():
    rng = np.random.default_rng(0)
    truth = rng.normal(150, 75, 300)
    predicted = truth + rng.normal(0, 10, 300)
    scaled = ((predicted - 150) / 75).astype(np.float32)[:, None]
    found = regression(scaled, ((truth - 150) / 75).astype(np.float32), 150.0, 75.0)
    assert found.metrics["mae"] == pytest.approx(sk.mean_absolute_error(truth, predicted), rel=1e-4)
    assert found.metrics["rmse"] == pytest.approx(sk.root_mean_squared_error(truth, predicted), rel=1e-4)
    assert found.metrics["r2"] == pytest.approx(sk.r2_score(truth, predicted), rel=1e-4)
    np.testing.assert_allclose(found.scores, np.abs(truth - predicted), atol=1e-3)
