import math

import numpy as np
import pytest
from kfp.dsl import ClassificationMetrics
from sklearn.metrics import roc_auc_score

from trimtab.artifacts.evaluation import Evaluation
from trimtab.report.kubeflow import (
    MAX_CLASSES,
    MOST_POINTS,
    classification_metadata,
    evaluation_metrics,
    kubeflow_outputs,
)
from trimtab.report.records.assemble import build_result
from trimtab.tasks.metrics.base import View


def test_scalars_of_both_models_and_the_matrix_of_the_chosen_one(run_records):
    settings, records = run_records()
    result = build_result(records, settings, "/runs/one")
    found = kubeflow_outputs(result)
    assert found["metrics"]["baseline_accuracy"] == result.baseline.metrics["accuracy"]
    assert found["metrics"]["chosen_latency_p50_ms"] < found["metrics"]["baseline_latency_p50_ms"]
    assert all(isinstance(v, float) and math.isfinite(v) for v in found["metrics"].values())
    chosen = next(c for c in result.candidates if c.id == result.chosen)
    assert found["confusion"] == {"labels": [str(i) for i in range(10)], "matrix": chosen.confusion}


def test_regression_and_failed_runs_have_no_matrix(run_records):
    settings, records = run_records(regression=True)
    assert kubeflow_outputs(build_result(records, settings, "/runs/one"))["confusion"] is None
    assert kubeflow_outputs(build_result([], settings, "/runs/one")) == {"metrics": {}, "confusion": None}


def test_a_matrix_that_metadata_cannot_hold_is_left_to_the_report(run_records):
    settings, records = run_records()
    result = build_result(records, settings, "/runs/one")
    chosen = next(c for c in result.candidates if c.id == result.chosen)
    for classes, is_shown in ((MAX_CLASSES, True), (MAX_CLASSES + 1, False)):
        chosen.confusion = [[1] * classes] * classes
        assert (kubeflow_outputs(result)["confusion"] is not None) == is_shown


def evaluation(**about):
    cost = {"parameters": 1, "macs": 1, "sparsity": 0.0}
    base = {
        "task": "classification",
        "runtime": "litert",
        "examples": 4,
        "metrics": {"accuracy": 0.75, "log_loss": 1},
    }
    return Evaluation.model_validate({**base, "size_bytes": 1000, "gzip_bytes": 900, "cost": cost, **about})


def test_the_names_of_an_evaluation_s_metrics_are_the_same_in_every_run():
    found = evaluation_metrics({"none--none": evaluation(), "none--int8": evaluation(size_bytes=300)})
    assert found == {
        "none--none accuracy": 0.75, "none--none size_bytes": 1000.0,
        "none--int8 accuracy": 0.75, "none--int8 size_bytes": 300.0,
    }  # fmt: skip


def test_matrix_and_curve_are_in_the_form_that_kfp_writes():
    labels, right = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9])
    view = View(labels, np.stack([1 - right, right], axis=1))
    found = classification_metadata(evaluation(confusion=[[1, 1], [1, 1]]), "classes", view, ["a", "b"])
    expected = ClassificationMetrics(name="expected", uri="expected")
    expected.log_confusion_matrix(["a", "b"], [[1, 1], [1, 1]])
    expected.log_roc_curve([0.0, 0.5, 0.5, 1.0], [0.5, 0.5, 1.0, 1.0], [0.9, 0.6, 0.4, 0.1])
    assert found == expected.metadata


@pytest.mark.parametrize(
    ("form", "labels", "answers"),
    [
        ("scores", np.arange(500) % 3 == 0, np.random.default_rng(0).normal(np.arange(500) % 3 == 0)),
        ("labels", np.eye(3)[np.arange(300) % 3], np.random.default_rng(1).random((300, 3))),
        ("classes", np.arange(300) % 3, np.random.default_rng(2).dirichlet([1, 1, 1], 300)),
    ],
)
def test_the_curve_has_the_area_that_scikit_learn_finds(form, labels, answers):
    points = classification_metadata(evaluation(), form, View(labels, answers), ["a", "b", "c"])[
        "confidenceMetrics"
    ]
    assert len(points) <= MOST_POINTS
    truth = np.eye(3)[labels] if form == "classes" else labels
    x = [0.0, *(point["falsePositiveRate"] for point in points)]
    y = [0.0, *(point["recall"] for point in points)]
    assert np.trapezoid(y, x) == pytest.approx(roc_auc_score(truth.ravel(), answers.ravel()), abs=0.01)
    thresholds = [point["confidenceThreshold"] for point in points]
    assert thresholds == sorted(thresholds, reverse=True)
    assert (x[-1], y[-1]) == (1.0, 1.0)


def test_numbers_have_neither_matrix_nor_curve():
    assert classification_metadata(evaluation(), "numbers", View(np.ones(3), np.ones(3)), []) == {}
