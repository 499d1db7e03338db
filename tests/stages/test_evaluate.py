from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from stages.home import Home

from trimtab.artifacts.evaluation import Evaluation, read_test, read_validation
from trimtab.artifacts.shard import EVALUATED, QUANTIZED, Outcome
from trimtab.artifacts.store import reference
from trimtab.config.config import Config
from trimtab.stages import evaluate
from trimtab.stages.making import evaluated as making


def evaluated(home, **files):
    """Evaluates files, and returns what became of them."""
    names = {name.replace("_", "--", 1): file for name, file in files.items()}
    quantized = home.outcomes(QUANTIZED, names)
    return home.made(EVALUATED, evaluate.run(home.run, "1/1", home.dataset, quantized))


def entries(home):
    return {entry.name: entry for entry in home.record("evaluate", "1/1").entries}


def test_a_candidate_is_judged_on_the_whole_test_split(home, digits_candidates, digits_weights):
    outcome = evaluated(home, none_none=digits_candidates["none--none"])["none--none"]
    data = home.data()
    x, y = data.arrays("test")
    weights, bias = digits_weights
    right = (data.model_input(x).reshape(len(x), -1) @ weights.T + bias).argmax(axis=1) == y
    found = Evaluation.model_validate(home.store.find(outcome.ref).summary)
    assert found.examples == len(y) == data.rows["test"]
    assert found.metrics["accuracy"] == pytest.approx(right.mean())
    assert found.metrics["accuracy"] > 0.9
    np.testing.assert_array_equal(read_test(home.path(outcome.ref)).scores, right.astype(np.float32))
    outputs = read_test(home.path(outcome.ref)).answers
    assert (outputs.shape, outputs.dtype) == ((len(y), 10), np.float32)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-5)
    assert np.sum(found.confusion) == len(y)
    assert set(found.per_class) == set(data.schema.classes)
    assert found.size_bytes > 30_000 > found.gzip_bytes
    assert found.cost.parameters == 650
    assert entries(home)["none--none"].read(Evaluation) == found


def test_kubeflow_s_own_ui_gets_every_candidate_s_quality_and_the_curve_of_the_best(home, digits_candidates):
    quantized = home.outcomes(QUANTIZED, digits_candidates)
    found, metrics, curves = evaluate.run_and_show(home.run, "1/1", home.dataset, quantized)
    made = home.made(EVALUATED, found)
    about = {
        name: Evaluation.model_validate(home.store.find(outcome.ref).summary)
        for name, outcome in made.items()
        if outcome.ref
    }
    assert metrics == {
        f"{name} {metric}": value
        for name, one in about.items()
        for metric, value in (("accuracy", one.metrics["accuracy"]), ("size_bytes", one.size_bytes))
    }
    assert curves["confusionMatrix"]["rows"][0]["row"] == about["none--none"].confusion[0]
    assert curves["confidenceMetrics"][-1]["recall"] == 1
    json.dumps([metrics, curves])
    only = home.outcomes(QUANTIZED, {"none--int8": digits_candidates["none--int8"]})
    assert evaluate.run_and_show(home.run, "1/1", home.dataset, only)[1:] == ({}, {})


def test_a_candidate_that_could_not_be_made_keeps_its_reason(home, digits_candidates):
    outcomes = evaluated(home, none_int8=digits_candidates["none--int8"])
    assert outcomes == {"none--int8": Outcome(reason="LiteRT has no 8-bit kernel for TANH")}
    assert entries(home) == {}


def test_outputs_that_are_not_numbers_are_a_reason(home, linear_tflite):
    weights = np.zeros((10, 64), np.float32)
    weights[3, 20] = np.nan
    outcome = evaluated(home, none_none=home.file("x", linear_tflite(weights, shape=(8, 8, 1))))["none--none"]
    assert outcome.ref == ""
    assert "not finite numbers on 351 of 351 test examples" in outcome.reason


@pytest.mark.parametrize("fault", ["cut", "outputs", "shape"])
def test_a_file_that_cannot_serve_is_a_reason(home, linear_tflite, fault):
    rng = np.random.default_rng(0)
    content = {
        "cut": linear_tflite(rng.normal(size=(10, 64)))[:2000],
        "outputs": linear_tflite(rng.normal(size=(9, 64)), shape=(8, 8, 1)),
        "shape": linear_tflite(rng.normal(size=(10, 64))),
    }[fault]
    expected = {
        "cut": "LiteRT cannot load it",
        "outputs": "expected 10 outputs, found 9",
        "shape": "of shape (64,)",
    }[fault]
    outcome = evaluated(home, none_none=home.file("x", content))["none--none"]
    assert (outcome.ref, expected in outcome.reason) == ("", True)


def test_what_cannot_be_used_is_not_tried_again(home, linear_tflite):
    for _ in range(2):
        evaluated(home, none_none=home.file("x", linear_tflite(np.zeros((10, 64)))[:2000]))
    (entry,) = home.record("evaluate", "1/1").entries
    assert (entry.ok, entry.reused) == (False, True)
    assert "LiteRT cannot load it" in entry.reason


def test_what_was_evaluated_is_not_evaluated_again(home, digits_candidates):
    first = evaluated(home, none_none=digits_candidates["none--none"])
    assert not home.record("evaluate", "1/1").reused
    assert evaluated(home, none_none=digits_candidates["none--none"]) == first
    assert home.record("evaluate", "1/1").reused


def test_a_flipped_bit_in_the_candidate_ends_the_stage_and_the_file_is_made_anew(home, digits_candidates):
    file = home.path(digits_candidates["none--none"].ref) / "model.tflite"
    content = bytearray(file.read_bytes())
    content[1500] ^= 4
    file.write_bytes(content)
    with pytest.raises(SystemExit):
        evaluated(home, none_none=digits_candidates["none--none"])
    record = home.record("evaluate", "1/1")
    assert record.error_type == "ArtifactError"
    assert "the file is damaged" in record.error
    assert "Run this again: what was damaged is made anew" in record.error
    assert home.store.find(digits_candidates["none--none"].ref) is None


def test_the_training_split_is_not_read(home, digits_candidates):
    (shard,) = (home.path(home.dataset) / "train").iterdir()
    shard.write_bytes(b"nobody reads this")
    assert evaluated(home, none_none=digits_candidates["none--none"])["none--none"].ref


def test_validation_is_scored_too_for_the_order_of_the_tests(home, digits_candidates):
    outcome = evaluated(home, none_none=digits_candidates["none--none"])["none--none"]
    found, (_, y) = read_validation(home.path(outcome.ref)), home.data().arrays("validation")
    assert 0.9 < found.scores.mean() < 1
    assert (found.answers.shape, found.answers.dtype) == ((len(y), 10), np.float32)
    np.testing.assert_array_equal(found.scores, found.answers.argmax(axis=1) == y)


def test_regression_scores_are_errors_in_the_labels_unit(tmp_path, write_dataset, linear_tflite):
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
    config = {"data": {"train": "sklearn://diabetes"}, "model": {"architecture": "mlp"}}
    home = Home(tmp_path / "runs", Path(dataset), Config.model_validate(config))
    outcome = evaluated(home, none_none=home.file("x", linear_tflite(weights, softmax=False)))["none--none"]
    np.testing.assert_allclose(read_test(home.path(outcome.ref)).scores, 2.0, atol=1e-4)
    found = Evaluation.model_validate(home.store.find(outcome.ref).summary)
    assert found.metrics["mae"] == pytest.approx(2.0, abs=1e-4)


GIB = 2**30


def grow(home: Home, size: int) -> None:
    """Makes the training split a sparse file of this size, as if the dataset were that large."""
    directory = home.path(home.dataset)
    (shard,) = (directory / "train").iterdir()
    with shard.open("r+b") as file:
        file.truncate(size)
    manifest = json.loads((directory / "manifest.json").read_text())
    del manifest["content_sha256"]
    manifest["files"][f"train/{shard.name}"] = {"size_bytes": size, "sha256": "0" * 64}
    (directory / "manifest.json").write_text(json.dumps(manifest))


def bytes_read(run: str, dataset: str, file: str) -> int:
    making.make(run, reference("evaluation", dataset=dataset, file=file), "evaluate", dataset, file)
    return int(Path("/proc/self/io").read_text().split()[1])


def test_of_a_large_dataset_the_training_split_is_not_read(home, digits_candidates):
    file = digits_candidates["none--none"].ref
    small = home.task(bytes_read, home.dataset, file)
    shutil.rmtree(home.output / "store" / "evaluation")
    grow(home, 20 * GIB)
    large = home.task(bytes_read, home.dataset, file)
    assert abs(large - small) < 100_000, "20 GiB more, and not a byte more of data"
    (shard,) = (home.path(home.dataset) / "train").iterdir()
    assert (shard.stat().st_size, shard.stat().st_blocks * 512 < GIB) == (20 * GIB, True)
