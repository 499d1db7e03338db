from __future__ import annotations

import json

import numpy as np
import pytest

from trimtab.artifacts.evaluation import Evaluation
from trimtab.data.dataset.dataset import Dataset
from trimtab.stages import evaluate
from trimtab.stages.stage import records
from trimtab.storage import artifact


@pytest.fixture
def run_stage(tmp_path, digits_dataset, digits_config):
    def run(candidate, quantized, dataset=digits_dataset):
        path = tmp_path / f"evaluation-{candidate}"
        evaluate.run(
            config=digits_config(),
            run=str(tmp_path / "run"),
            candidate=candidate,
            dataset=str(dataset),
            quantized=quantized,
            evaluation=str(path),
        )
        loaded = artifact.load(path, "evaluation")
        return loaded, Evaluation.model_validate_json((path / "evaluation.json").read_bytes())

    return run


def test_a_candidate_is_judged_on_the_whole_test_split(
    tmp_path, run_stage, digits_candidates, digits_dataset, digits_weights
):
    loaded, found = run_stage("none--none", digits_candidates["none--none"])
    data = Dataset.open(digits_dataset)
    x, y = data.arrays("test")
    weights, bias = digits_weights
    right = (data.model_input(x).reshape(len(x), -1) @ weights.T + bias).argmax(axis=1) == y
    assert found.ok
    assert found.examples == len(y) == data.rows["test"]
    assert found.metrics["accuracy"] == pytest.approx(right.mean())
    assert found.metrics["accuracy"] > 0.9
    np.testing.assert_array_equal(np.load(loaded.path / "scores.npy"), right.astype(np.float32))
    outputs = np.load(loaded.path / "outputs.npy")
    assert (outputs.shape, outputs.dtype) == ((len(y), 10), np.float32)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-5)
    assert np.sum(found.confusion) == len(y)
    assert set(found.per_class) == set(data.schema.classes)
    assert found.size_bytes > 30_000 > found.gzip_bytes
    assert found.cost.parameters == 650
    (record,) = records(str(tmp_path / "run"))
    assert (record.stage, record.item, record.ok) == ("evaluate", "none--none", True)
    assert record.summary["metrics"] == found.metrics


def test_a_candidate_that_could_not_be_made_keeps_its_reason(run_stage, digits_candidates):
    loaded, found = run_stage("none--int8", digits_candidates["none--int8"])
    assert not found.ok
    assert found.reason == "LiteRT has no 8-bit kernel for TANH"
    assert {file.name for file in loaded.path.iterdir()} == {"evaluation.json", "manifest.json"}


def test_outputs_that_are_not_numbers_are_a_reason(run_stage, make_candidate, linear_tflite):
    weights = np.zeros((10, 64), np.float32)
    weights[3, 20] = np.nan
    _, found = run_stage("none--none", make_candidate("none--none", linear_tflite(weights, shape=(8, 8, 1))))
    assert not found.ok
    assert "not finite numbers on 351 of 351 test examples" in found.reason


@pytest.mark.parametrize("fault", ["cut", "outputs", "shape"])
def test_a_file_that_cannot_serve_is_a_reason(run_stage, make_candidate, linear_tflite, fault):
    rng = np.random.default_rng(0)
    content = {
        "cut": linear_tflite(rng.normal(size=(10, 64)))[:2000],
        "outputs": linear_tflite(rng.normal(size=(9, 64)), shape=(8, 8, 1)),
        "shape": linear_tflite(rng.normal(size=(10, 64))),
    }[fault]
    _, found = run_stage("none--none", make_candidate("none--none", content))
    expected = {
        "cut": "LiteRT cannot load it",
        "outputs": "expected 10 outputs, found 9",
        "shape": "of shape (64,)",
    }
    assert not found.ok
    assert expected[fault] in found.reason


def test_a_flipped_bit_in_the_candidate_ends_the_stage(tmp_path, run_stage, digits_candidates):
    from pathlib import Path

    file = Path(digits_candidates["none--none"]) / "model.tflite"
    content = bytearray(file.read_bytes())
    content[1500] ^= 4
    file.write_bytes(content)
    with pytest.raises(SystemExit):
        run_stage("none--none", digits_candidates["none--none"])
    (record,) = records(str(tmp_path / "run"))
    assert record.error_type == "ArtifactError"
    assert "model.tflite" in record.error


def test_another_candidate_or_other_data_end_the_stage(
    tmp_path, run_stage, make_candidate, digits_candidates
):
    with pytest.raises(SystemExit):
        run_stage("none--float16", digits_candidates["none--none"])
    with pytest.raises(SystemExit):
        run_stage("none--none", make_candidate("none--none", b"", dataset="f" * 64))
    errors = [record.error for record in records(str(tmp_path / "run"))]
    assert any("expected candidate none--float16, found none--none" in error for error in errors)
    assert any("was made from data" in error for error in errors)


def test_regression_scores_are_errors_in_the_labels_unit(
    tmp_path, write_dataset, linear_tflite, digits_config
):
    from trimtab.data.schema import DatasetSchema, TensorSpec

    schema = DatasetSchema(
        task="regression",
        label="y",
        columns=[],
        input=TensorSpec(kind="tabular", shape=(3,), stored_dtype="float32"),
        label_mean=100.0,
        label_std=20.0,
        preprocessing={},
    )
    rng = np.random.default_rng(0)
    weights = np.array([[1.0, -2.0, 0.5]], np.float32)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    y = (x @ weights.T)[:, 0] + 0.1
    dataset = write_dataset(schema, dict.fromkeys(("train", "validation", "test"), (x, y.astype(np.float32))))
    quantized = tmp_path / "quantized"
    with artifact.create(quantized, "candidate") as draft:
        (draft.path / "candidate.json").write_text(json.dumps({"candidate": "none--none", "ok": True}))
        (draft.path / "model.tflite").write_bytes(linear_tflite(weights, softmax=False))
    evaluate.run(
        config=digits_config(),
        run=str(tmp_path / "run"),
        candidate="none--none",
        dataset=str(dataset),
        quantized=str(quantized),
        evaluation=str(tmp_path / "evaluation"),
    )
    found = Evaluation.model_validate_json((tmp_path / "evaluation" / "evaluation.json").read_bytes())
    assert set(found.metrics) == {"rmse", "mae", "r2"}
    assert found.metrics["mae"] == pytest.approx(2.0, abs=1e-3)
    np.testing.assert_allclose(np.load(tmp_path / "evaluation" / "scores.npy"), 2.0, atol=1e-3)
