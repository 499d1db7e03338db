"""How errors of repeating tell anomalies from normal examples."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from trimtab.data.schema import DatasetSchema, TensorSpec
from trimtab.errors import DataError
from trimtab.evaluate.bounds.roc_auc import roc_auc
from trimtab.evaluate.significance import LOSSES
from trimtab.tasks.registry import task

JUDGING = task("anomaly").judging


def schema(thresholds: list[float] | None = None, rate: float = 0.05, kind: str = "tabular") -> DatasetSchema:
    spec = TensorSpec(kind=kind, shape=(3,), stored_dtype="float32")
    return DatasetSchema(
        task="anomaly",
        label="label",
        normal="fine",
        columns=[],
        input=spec,
        preprocessing={},
        thresholds=thresholds or [],
        false_alarm_rate=rate,
    )


def draw(n: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.3).astype(np.int64)
    return np.round(rng.gamma(2, 1 + labels), 2).astype(np.float32)[:, None], labels


def test_an_answer_is_the_mean_squared_error_of_an_example() -> None:
    inputs, outputs = np.ones((2, 2, 2, 1), np.float32), np.array([[1, 1, 1, 1], [1, 1, 1, 3.0]])
    assert JUDGING.answers(inputs, outputs).tolist() == [[0.0], [1.0]]


def test_metrics_agree_with_scikit_learn() -> None:
    errors, labels = draw()
    found = JUDGING.quality(errors, labels, schema([3.0]))
    told = errors[:, 0] > 3.0
    expected = {
        "roc_auc": sk.roc_auc_score(labels, errors),
        "average_precision": sk.average_precision_score(labels, errors),
        "detection_rate": sk.recall_score(labels, told),
        "false_alarm_rate": told[labels == 0].mean(),
    }
    assert found.metrics == pytest.approx(expected)
    assert found.per_class["anomaly"].precision == pytest.approx(sk.precision_score(labels, told))
    assert found.per_class["normal"].examples == (labels == 0).sum()


def test_the_scores_have_the_variance_of_delong() -> None:
    errors, labels = draw()
    after = errors + np.random.default_rng(1).normal(0, 0.5, errors.shape).astype(np.float32)
    before, now = (JUDGING.scores(each, labels, schema(), schema()) for each in (errors, after))
    found = LOSSES["area"].bound(before, now, 0.95, None)
    expected = roc_auc(labels, errors[:, 0], after[:, 0], 0.95)
    assert found.loss == pytest.approx(expected.loss)
    assert found.upper == pytest.approx(expected.upper, abs=1e-4)


def test_without_anomalies_every_score_is_a_half() -> None:
    errors, _ = draw(20)
    nothing = np.zeros(20, np.int64)
    assert JUDGING.scores(errors, nothing, schema(), schema()).tolist() == [0.5] * 20
    assert "0 anomalies among 20" in JUDGING.no_better_than_a_constant(np.full(20, 0.5), nothing, schema())


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_the_threshold_keeps_the_rate_of_false_alarms_of_rows_to_come(rate: float) -> None:
    rng = np.random.default_rng(0)
    alarms = []
    for _ in range(400):
        errors, to_come = rng.exponential(size=(2, 150, 1))
        labels = np.zeros(150, np.int64)
        (threshold,) = JUDGING.thresholds(errors, labels, schema(rate=rate))
        alarms.append((to_come[:, 0] > threshold).mean())
    assert np.mean(alarms) <= rate + 0.002
    assert np.mean(alarms) >= rate - 0.01


def test_anomalies_of_validation_do_not_move_the_threshold() -> None:
    errors = np.array([[1.0], [2.0], [3.0], [50.0]])
    labels = np.array([0, 0, 0, 1])
    assert JUDGING.thresholds(errors, labels, schema()) == [3.0]


def test_answers_are_scores_and_whether_they_mean_an_anomaly() -> None:
    answers = list(task("anomaly").words.answers(np.array([[1.0], [4.0]]), schema([3.0])))
    assert answers == [{"score": 1.0, "is_anomaly": False}, {"score": 4.0, "is_anomaly": True}]


def test_a_model_that_repeats_anomalies_as_well_is_warned_of() -> None:
    errors, labels = draw()
    good = JUDGING.scores(errors, labels, schema(), schema())
    chance = JUDGING.scores(np.random.default_rng(2).random(errors.shape), labels, schema(), schema())
    assert JUDGING.no_better_than_a_constant(good, labels, schema()) == ""
    assert "not clearly more than by chance" in JUDGING.no_better_than_a_constant(chance, labels, schema())


def test_a_text_cannot_be_repeated() -> None:
    with pytest.raises(DataError, match="expected tables, images or sound"):
        task("anomaly").meaning.outputs(schema(kind="text"))
