from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from served import predict

from trimtab.artifacts.selection import Selection
from trimtab.batch import INPUT, OUTPUT
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy.golden import Golden
from trimtab.stages import evaluate, select
from trimtab.stages.stage import StageRecord, records
from trimtab.storage import artifact
from trimtab.storage.store import open_store


@pytest.fixture
def run_stage(tmp_path, digits_dataset, digits_config):
    """Returns a function that evaluates candidates and selects: -> (result, Selection, selection's path)."""

    def run(candidates, order=1, **budget):
        config, evaluations = digits_config(**budget), []
        for name, quantized in candidates.items():
            path = str(tmp_path / f"evaluation-{name}")
            evaluate.run(
                config=config,
                run=str(tmp_path / "evaluating"),
                candidate=name,
                dataset=str(digits_dataset),
                quantized=quantized,
                evaluation=path,
            )
            evaluations.append(path)
        found = select.run(
            config=config,
            run=str(tmp_path / "run"),
            dataset=str(digits_dataset),
            quantized=list(candidates.values()),
            evaluations=evaluations[::order],
            selection=str(tmp_path / "selection"),
        )
        path = artifact.load(tmp_path / "selection", "selection").path
        return found, Selection.model_validate_json((path / "selection.json").read_bytes()), path

    return run


def test_the_smaller_candidate_that_is_as_good_is_chosen(
    run_stage, digits_candidates, digits_dataset, tmp_path
):
    within, selection, path = run_stage(digits_candidates, order=-1, max_accuracy_drop=0.02)
    assert within is True
    assert selection.chosen == "none--float16"
    assert "none--float16 is the best balance of speed and size of 2 candidates" in selection.verdict
    by_id = {candidate.id: candidate for candidate in selection.candidates}
    assert list(by_id) == [
        "none--none",
        "none--float16",
        "none--int8",
        "magnitude-0.5--none",
        "channels-0.5--none",
    ]
    chosen, lost = by_id["none--float16"], by_id["magnitude-0.5--none"]
    assert chosen.within_budget
    assert chosen.on_pareto_front
    assert 0 < chosen.drop.upper_bound <= 0.02
    assert chosen.drop.examples == 351
    assert not lost.within_budget
    assert lost.metrics["accuracy"] < chosen.metrics["accuracy"]
    assert lost.reasons[0].startswith("accuracy drop could be as large as ")
    assert not by_id["none--int8"].ok
    assert by_id["none--int8"].reasons == ["LiteRT has no 8-bit kernel for TANH"]
    assert selection.baseline == by_id["none--none"]
    assert (selection.baseline.drop.observed, selection.baseline.drop.upper_bound) == (0, 0)
    assert all(c.latency_ms.p50 > 0 for c in by_id.values() if c.ok)
    assert (path / "model.tflite").read_bytes() == (
        Path(digits_candidates["none--float16"]) / "model.tflite"
    ).read_bytes()


def test_the_golden_predictions_are_the_chosen_models_answers(run_stage, digits_candidates, digits_dataset):
    _, _, path = run_stage(digits_candidates, max_accuracy_drop=0.02)
    golden, data = Golden.load(path / "golden.npz"), Dataset.open(digits_dataset)
    x, _ = data.arrays("test")
    assert golden.x[INPUT].dtype == np.uint8
    np.testing.assert_array_equal(golden.x[INPUT], x[: len(golden.x[INPUT])])
    again = {OUTPUT: predict(path, data.model_input(golden.x[INPUT]))}
    assert golden.difference(again) == 0
    assert 0 < golden.tolerance < 1e-4


def test_the_record_says_how_latency_was_measured(run_stage, digits_candidates, tmp_path):
    run_stage(digits_candidates, threads=1)
    (record,) = records(str(tmp_path / "run"))
    assert record.summary["latency_runs"] >= 200
    assert record.summary["threads"] == 1
    assert record.summary["cpu"]
    known = {name: record.summary[name] for name in Selection.model_fields}
    assert Selection.model_validate(known).chosen == record.summary["chosen"]


def test_nothing_within_the_budget_is_no_failure(run_stage, digits_candidates):
    within, selection, path = run_stage(digits_candidates, max_size_kb=1, max_accuracy_drop=0.001)
    assert within is False
    assert selection.chosen is None
    assert selection.verdict.startswith("No candidate is within the budget. Closest: none--float16 (")
    assert "test examples with the same rates would prove its drop." in selection.verdict
    assert "budget.max_size_kb" in selection.verdict
    assert {file.name for file in path.iterdir()} == {"selection.json", "manifest.json"}
    assert not any(candidate.within_budget for candidate in selection.candidates)


def test_what_the_shortlist_dropped_keeps_its_reason(run_stage, digits_candidates, tmp_path):
    reason = "accuracy falls by at least 4 %"
    record = StageRecord(stage="shortlist", ok=True, summary={"dropped": {"channels-0.5": reason}})
    open_store(str(tmp_path / "run")).write(record.name, record.model_dump_json().encode())
    _, selection, _ = run_stage(digits_candidates)
    dropped = next(c for c in selection.candidates if c.id == "channels-0.5--none")
    assert not dropped.ok
    assert dropped.reasons == [reason]
    assert dropped.recipe[0]["channels"]["ratio"] == 0.5


def test_without_a_working_baseline_the_stage_fails_and_says_so(
    run_stage, make_candidate, digits_candidates, tmp_path
):
    failed = make_candidate("none--none", None, "out of memory")
    with pytest.raises(SystemExit):
        run_stage({**digits_candidates, "none--none": failed})
    (record,) = records(str(tmp_path / "run"))
    assert record.error_type == "ModelError"
    assert "the baseline cannot be judged: out of memory" in record.error


def test_a_missing_baseline_is_a_typed_error(run_stage, digits_candidates, tmp_path):
    del digits_candidates["none--none"]
    with pytest.raises(SystemExit):
        run_stage(digits_candidates)
    (record,) = records(str(tmp_path / "run"))
    assert "the baseline is missing" in record.error


def test_evaluations_of_another_model_are_refused(
    run_stage, digits_candidates, make_candidate, linear_tflite, tmp_path, digits_dataset, digits_config
):
    run_stage(digits_candidates)
    other = make_candidate("none--float16", linear_tflite(np.ones((10, 64)), shape=(8, 8, 1)))
    with pytest.raises(SystemExit):
        select.run(
            config=digits_config(),
            run=str(tmp_path / "again"),
            dataset=str(digits_dataset),
            quantized=[digits_candidates["none--none"], other],
            evaluations=[str(tmp_path / f"evaluation-{name}") for name in ("none--none", "none--float16")],
            selection=str(tmp_path / "selection"),
        )
    (record,) = records(str(tmp_path / "again"))
    assert "evaluates another candidate" in record.error


@pytest.mark.parametrize("file", ["scores.npy", "evaluation.json"])
def test_a_changed_evaluation_is_refused(
    run_stage, digits_candidates, tmp_path, digits_dataset, digits_config, file
):
    run_stage(digits_candidates)
    path = tmp_path / "evaluation-none--float16" / file
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(SystemExit):
        select.run(
            config=digits_config(),
            run=str(tmp_path / "again"),
            dataset=str(digits_dataset),
            quantized=list(digits_candidates.values()),
            evaluations=[str(tmp_path / f"evaluation-{name}") for name in digits_candidates],
            selection=str(tmp_path / "selection"),
        )
    (record,) = records(str(tmp_path / "again"))
    assert record.error_type == "ArtifactError"
    assert json.loads((tmp_path / "selection" / "selection.json").read_text())["chosen"]
