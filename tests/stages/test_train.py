"""The train stage as a component calls it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from trimtab.config.config import Config
from trimtab.data.schema import Column, DatasetSchema, TensorSpec
from trimtab.deploy.champion import PLAN_FILE, TRAINING, Plan
from trimtab.deploy.training import MODEL_FILE
from trimtab.models.cost import weights_sha256
from trimtab.stages import train, tune
from trimtab.stages.stage import records
from trimtab.storage import artifact


@pytest.fixture
def digits(write_dataset: Callable[..., Path]) -> Path:
    x, y = load_digits(return_X_y=True)
    images = (x.reshape(-1, 8, 8, 1) * 15.9).astype(np.uint8)
    schema = DatasetSchema(
        task="classification",
        label="label",
        classes=[str(digit) for digit in range(10)],
        columns=[Column(name="image", kind="image")],
        input=TensorSpec(kind="image", shape=(8, 8, 1), stored_dtype="uint8", scale=[1 / 255], offset=[0.0]),
        preprocessing={},
    )
    splits = {"train": slice(0, 1000), "validation": slice(1000, 1300), "test": slice(1300, 1797)}
    return write_dataset(schema, {name: (images[part], y[part]) for name, part in splits.items()})


def config(**sections: object) -> str:
    base = {
        "data": {"train": "sklearn://digits"},
        "model": {"architecture": "mlp"},
        "train": {"epochs": 4, "learning_rate": 0.005},
    }
    return Config.model_validate({**base, **sections}).model_dump_json()


def test_it_writes_a_model_that_others_can_load(digits: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    common = {
        "config": config(),
        "run": str(run),
        "dataset": str(digits),
        "hyperparameters": str(tmp_path / "hp"),
    }
    tune.run(**common)
    train.run(**common, model=str(tmp_path / "model"))

    found = artifact.load(tmp_path / "model", "model")
    loaded = keras.saving.load_model(found.path / "model.keras")
    assert weights_sha256(loaded) == found.lineage["weights_sha256"]
    assert not loaded.compiled
    signature = json.loads((found.path / "signature.json").read_text())
    assert signature["spec"]["input_shape"] == [8, 8, 1]
    assert signature["classes"] == [str(digit) for digit in range(10)]
    history = json.loads((found.path / "history.json").read_text())
    assert [entry["epoch"] for entry in history["epochs"]] == [1, 2, 3, 4]
    scores = np.load(found.path / "validation_scores.npy")
    assert scores.shape == (300,)
    assert scores.dtype == np.float32
    assert scores.mean() == pytest.approx(history["epochs"][-1]["val_accuracy"])
    record = next(record for record in records(str(run)) if record.stage == "train")
    assert record.ok
    assert record.summary["validation"]["accuracy"] > 0.85
    assert list((run / "tensorboard" / "train").rglob("*tfevents*"))


def trained(digits: Path, tmp_path: Path, name: str, **sections: object) -> artifact.Artifact:
    run = tmp_path / name
    common = {
        "config": config(**sections),
        "run": str(run),
        "dataset": str(digits),
        "hyperparameters": str(run / "hyperparameters"),
    }
    tune.run(**common)
    train.run(**common, model=str(run / "model"))
    return artifact.load(run / "model", "model")


def summary(tmp_path: Path, name: str) -> dict[str, Any]:
    return next(record.summary for record in records(str(tmp_path / name)) if record.stage == "train")


def test_an_archive_is_where_training_starts(digits: Path, tmp_path: Path) -> None:
    first = trained(digits, tmp_path, "first")
    archive = str(first.path / "model.keras")
    warm = trained(
        digits, tmp_path, "warm", model={"archive": archive}, train={"epochs": 1, "learning_rate": 1e-4}
    )
    before, after = summary(tmp_path, "first")["history"], summary(tmp_path, "warm")["history"]
    assert after[0]["val_loss"] < before[0]["val_loss"] * 0.5
    assert warm.lineage["weights_sha256"] != first.lineage["weights_sha256"]


def test_the_searchs_best_values_are_what_is_trained(digits: Path, tmp_path: Path) -> None:
    found = trained(
        digits,
        tmp_path,
        "tuned",
        tune={"algorithm": "random", "trials": 2, "epochs": 1},
        model={"architecture": "mlp", "params": {"layers": 1}},
        train={"epochs": 1, "schedule": "constant"},
    )
    values = found.lineage["hyperparameters"]
    record = summary(tmp_path, "tuned")
    assert record["history"][0]["learning_rate"] == pytest.approx(values["optimizer"]["learning_rate"])
    model = keras.saving.load_model(found.path / "model.keras")
    assert model.layers[2].units == values["model"]["units"]
    assert values["model"]["layers"] == 1


def test_a_model_no_better_than_guessing_is_warned_of(digits: Path, tmp_path: Path) -> None:
    trained(digits, tmp_path, "bad", train={"epochs": 1, "learning_rate": 1e-9})
    (warning,) = summary(tmp_path, "bad")["warnings"]
    assert "always guessing the most frequent class" in warning


def test_a_stage_that_cannot_train_leaves_no_model_and_says_why(digits: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        trained(digits, tmp_path, "wrong", train={"class_weight": {"eleven": 2.0}})
    assert ended.value.code == 2
    record = next(record for record in records(str(tmp_path / "wrong")) if record.stage == "train")
    assert "train.class_weight: unknown class 'eleven'" in record.error
    assert not (tmp_path / "wrong" / "model").exists()


def test_a_stage_that_is_started_again_takes_the_finished_weights(
    digits: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = trained(digits, tmp_path, "run")
    keras.backend.clear_session()  # a stage runs in a process of its own
    capfd.readouterr()
    again = trained(digits, tmp_path, "run")
    assert "was trained to the end before" in capfd.readouterr().err
    assert again.lineage["weights_sha256"] == first.lineage["weights_sha256"]


@pytest.mark.parametrize("moved", [[], ["data.split.test was 0.1"]])
def test_a_champion_that_may_know_test_rows_is_not_started_from(
    digits: Path, tmp_path: Path, moved: list[str]
) -> None:
    first = trained(digits, tmp_path, "first", train={"epochs": 1})
    with artifact.create(tmp_path / "champion", "champion") as draft:
        (draft.path / PLAN_FILE).write_text(Plan(version=3, warm=True).model_dump_json())
        (draft.path / TRAINING).mkdir()
        shutil.copyfile(first.path / MODEL_FILE, draft.path / TRAINING / MODEL_FILE)
    found = artifact.load(digits, "dataset")
    with artifact.create(tmp_path / "moved", "dataset") as draft:
        manifest = shutil.ignore_patterns(artifact.MANIFEST)
        shutil.copytree(found.path, draft.path, dirs_exist_ok=True, ignore=manifest)
        draft.counts, draft.lineage = found.manifest.counts, {**found.lineage, "sides_changed": moved}
    train.run(
        config=config(train={"epochs": 1}),
        run=str(tmp_path / "again"),
        dataset=str(tmp_path / "moved"),
        hyperparameters=str(tmp_path / "first" / "hyperparameters"),
        model=str(tmp_path / "model"),
        champion=str(tmp_path / "champion"),
    )
    said = summary(tmp_path, "again")
    assert said["start"] == ("scratch" if moved else "champion v3")
    assert all(reason in said["start_reason"] for reason in moved)
