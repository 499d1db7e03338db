import math

from trimtab.report.kubeflow import MAX_CLASSES, kubeflow_outputs
from trimtab.report.records.assemble import build_result


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
