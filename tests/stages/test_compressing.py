"""The stages on models that are brought: of Keras, and in the files of each runtime. Nothing is trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow.parquet as pq
import pytest
from stages.deployed import deployed, prepared
from stages.home import Home

from trimtab.artifacts.dataset import DatasetSummary
from trimtab.artifacts.evaluation import Evaluation
from trimtab.artifacts.file import FileSummary
from trimtab.artifacts.model import MODEL_FILE, TrainSummary
from trimtab.artifacts.shard import EVALUATED, QUANTIZED
from trimtab.config.loader import load_compression
from trimtab.deploy.repository import Repository
from trimtab.runtimes.registry import is_installed, runtime
from trimtab.stages import train

pytestmark = pytest.mark.slow
FORMATS = {"tflite": "litert", "onnx": "onnx", "xml": "openvino"}
RUNTIMES = {"tflite": "litert", "onnx": "onnxruntime", "xml": "openvino"}


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a directory with a model that tells dark, middle and bright pixels 0..255, and its rows."""
    directory = tmp_path_factory.mktemp("brought")
    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(0)  # some models are far off in 8 bits
    y = rng.integers(0, 3, 600)
    x = np.clip(rng.normal(50 + 70 * y[:, None, None, None], 20, (600, 8, 8, 3)), 0, 255).astype(np.uint8)
    np.savez(directory / "rows.npz", x=x, y=np.array(["bright", "dark", "middle"])[(y + 1) % 3])
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Rescaling(1 / 255, name="rescaling"),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(x.astype(np.float32), (y + 1) % 3, epochs=12, verbose=0)
    model.save(directory / "model.keras")
    model.save(directory / "model.h5")
    for ending, form in FORMATS.items():
        if is_installed(RUNTIMES[ending]):
            model.export(str(directory / f"model.{ending}"), format=form, verbose=False)
    return directory


def _prepared(home: Home, source: Path, *overrides: str, labels: tuple[str, ...] = (), **given: Any) -> None:
    """Takes a run to its prepared data."""
    rows = {"test": str(source.parent / "rows.npz"), "train": None, **given}
    prepared(home, load_compression(source, rows, [*overrides, "budget.max_accuracy_drop=0.1"], labels))


def _compressed(home: Home) -> dict[str, Evaluation]:
    """Takes a run from its prepared data to its deployed model, and returns what was evaluated."""
    made = deployed(home)
    files = home.made(QUANTIZED, made.quantized)
    for outcome in files.values():
        found = home.store.find(outcome.ref) if outcome.ref else None
        assert found is None or FileSummary.model_validate(found.summary).max_difference < 0.2
    evaluated = home.made(EVALUATED, made.evaluated)
    entries = [(name, home.store.find(each.ref)) for name, each in evaluated.items() if each.ref]
    return {name: Evaluation.model_validate(entry.summary) for name, entry in entries if entry}


def _summary(home: Home) -> TrainSummary:
    found = home.record("train").read(TrainSummary)
    assert found is not None
    return found


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_model_of_keras_is_judged_as_it_came_and_never_trained(
    brought: Path, tmp_path: Path, ending: str
) -> None:
    home = Home(tmp_path / "runs")
    _prepared(home, brought / f"model.{ending}")
    data = home.record("data_prep").read(DatasetSummary)
    assert data is not None
    assert any("it begins with the layer rescaling (Rescaling)" in warning for warning in data.warnings)
    assert data.rows["test"] > 4 * data.rows["train"]
    evaluations = _compressed(home)
    assert set(evaluations) == {"none--none", "none--float16", "none--dynamic_int8", "none--int8"}
    assert all(evaluation.metrics["accuracy"] > 0.9 for evaluation in evaluations.values())
    came = _summary(home).as_it_came
    assert came is not None
    assert (came.metric, came.warning) == ("accuracy", "")
    assert came.value > 0.9
    assert _summary(home).history == []
    before, after = (
        keras.saving.load_model(path).get_weights()
        for path in (brought / "model.keras", home.path(home.trained) / MODEL_FILE)
    )
    for mine, theirs in zip(before, after, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("ending", list(FORMATS))
def test_the_files_of_a_runtime_are_quantized_where_it_can_proven_and_deployed(
    brought: Path, tmp_path: Path, ending: str
) -> None:
    source = brought / f"model.{ending}"
    if not source.is_file():
        pytest.skip(f"the runtime {RUNTIMES[ending]} is not installed")
    home = Home(tmp_path / "runs")
    _prepared(home, source, "model.input=raw")
    evaluations = _compressed(home)
    assert {evaluation.runtime for evaluation in evaluations.values()} == {RUNTIMES[ending]}
    assert all(evaluation.metrics["accuracy"] > 0.9 for evaluation in evaluations.values())
    # Of a flatbuffer, as the extra is installed; four bits are made where they are asked for.
    known = runtime(RUNTIMES[ending]).requantizes - {"int4"}
    assert {name.partition("--")[2].partition("--")[0] for name in evaluations} == known
    assert _summary(home).runtime == RUNTIMES[ending]
    repository = Repository(str(tmp_path / "runs" / "deployed" / "model"))
    assert repository.versions() == [1]
    assert json.loads((tmp_path / "runs/deployed/model/champion.json").read_text())["version"] == 1


def test_a_savedmodel_is_converted_by_every_runtime_proven_and_deployed(
    brought: Path, tmp_path: Path
) -> None:
    runtimes = [name for name in ("litert", "onnxruntime", "openvino") if is_installed(name)]
    home, source = Home(tmp_path / "runs"), brought / "saved"
    keras.models.load_model(brought / "model.keras").export(str(source), verbose=False)
    _prepared(home, source, "model.input=raw", f"runtimes=[{','.join(runtimes)}]")
    evaluations = _compressed(home)
    assert {evaluation.runtime for evaluation in evaluations.values()} == set(runtimes)
    assert all(evaluation.metrics["accuracy"] > 0.9 for evaluation in evaluations.values())
    made = {name.partition("--")[2].partition("--")[0] for name in evaluations}
    assert made == {"none", "float16", "dynamic_int8", "int8"}
    assert Repository(str(tmp_path / "runs" / "deployed" / "saved")).versions() == [1]


def test_with_training_rows_narrower_models_are_fine_tuned(brought: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "runs")
    recipe = "recipes=[[{channels: {ratio: 0.5, epochs: 1}}, int8]]"
    _prepared(home, brought / "model.keras", recipe, train=str(brought / "rows.npz"))
    evaluations = _compressed(home)
    (narrower,) = (evaluations[name] for name in evaluations if name.startswith("channels"))
    assert narrower.cost.macs < 0.6 * evaluations["none--none"].cost.macs


def test_a_model_of_another_range_is_refused_with_the_range(
    brought: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path / "runs")
    _prepared(home, brought / "model.tflite")
    with pytest.raises(SystemExit) as stopped:
        home.task(train.run, home.dataset)
    assert stopped.value.code == 2
    assert "--set 'model.input=[0, 255]'" in capfd.readouterr().err


def test_a_trained_archive_is_scored_before_and_warned_of(brought: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "runs")
    _prepared(home, brought / "model.keras", "model.input=standardized", train=str(brought / "rows.npz"))
    home.task(train.run, home.dataset)
    summary = _summary(home)
    assert summary.as_it_came is not None
    assert "model.input: [0, 255]" in summary.warnings[0]


def test_eight_bit_tensors_are_fed_the_range_that_they_stand_for(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "mlperf_tiny_resnet8" / "pretrainedResnet_quant.tflite"
    images = real_data / "cifar10" / "test.parquet"
    if not (source.is_file() and images.is_file()):
        pytest.skip(f"{source} or {images} is missing")
    rows = tmp_path / "rows.parquet"
    pq.write_table(pq.read_table(images).slice(0, 1500), rows)
    home = Home(tmp_path / "runs")
    _prepared(home, source, "data.drop=[filename]", test=str(rows), labels=("label",))
    (evaluation,) = _compressed(home).values()
    assert evaluation.metrics["accuracy"] > 0.7
