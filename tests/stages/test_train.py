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
from trimtab.data.dataset import Dataset
from trimtab.data.schema import Column, DatasetSchema, TensorSpec
from trimtab.deploy import training
from trimtab.deploy.champion import PLAN_FILE, TRAINING, Plan
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


def champion(tmp_path: Path, digits: Path, model: artifact.Artifact, version: int = 3) -> str:
    """Returns a champion's snapshot, as ``plan`` takes it."""
    record = training.TrainingRecord(
        fingerprint="0" * 64,
        rows={},
        recipe={},
        candidate="none--none",
        hyperparameters=model.lineage["hyperparameters"],
        data={},
    )
    path = tmp_path / f"champion-{version}"
    with artifact.create(path, "champion") as draft:
        plan = Plan(version=version, usable=True, warm=True)
        (draft.path / PLAN_FILE).write_text(plan.model_dump_json())
        training.write(draft.path / TRAINING, record, Dataset.open(digits), model, model)
    return str(path)


def retrained(
    digits: Path, tmp_path: Path, name: str, snapshot: str, **sections: object
) -> tuple[artifact.Artifact, dict[str, Any]]:
    run = tmp_path / name
    common = {
        "config": config(**sections),
        "run": str(run),
        "dataset": str(digits),
        "hyperparameters": str(run / "hyperparameters"),
        "champion": snapshot,
    }
    tune.run(**common)
    keras.backend.clear_session()
    train.run(**common, model=str(run / "model"))
    return artifact.load(run / "model", "model"), summary(tmp_path, name)


def test_a_retraining_starts_from_the_champions_weights(digits: Path, tmp_path: Path) -> None:
    snapshot = champion(tmp_path, digits, trained(digits, tmp_path, "first"))
    found, said = retrained(digits, tmp_path, "again", snapshot, retrain={"epochs": 2})
    before = summary(tmp_path, "first")["history"]
    assert said["start"] == found.lineage["start"] == "champion v3"
    assert [entry["epoch"] for entry in said["history"]] == [1, 2]
    assert said["history"][0]["val_loss"] < before[0]["val_loss"] * 0.5


def test_the_champions_hyperparameters_are_taken_and_not_searched(digits: Path, tmp_path: Path) -> None:
    first = trained(digits, tmp_path, "first", tune={"algorithm": "random", "trials": 1, "epochs": 1})
    snapshot = champion(tmp_path, digits, first)
    found, said = retrained(digits, tmp_path, "again", snapshot, tune={"trials": 5})
    assert found.lineage["hyperparameters"] == first.lineage["hyperparameters"]
    assert said["start"] == "champion v3"
    (searched,) = (one for one in records(str(tmp_path / "again")) if one.stage == "tune")
    assert searched.summary == {"skipped": True, "champion": 3}


def without_training(path: str, _: Path) -> None:
    manifest = json.loads((Path(path) / "manifest.json").read_text())
    shutil.rmtree(Path(path) / TRAINING)
    plan = Plan(version=3, usable=True, reasons=["what champion v3 was trained from is gone"])
    (Path(path) / PLAN_FILE).write_text(plan.model_dump_json())
    with artifact.create(Path(path), "champion") as draft:
        (draft.path / PLAN_FILE).write_text(plan.model_dump_json())
        draft.lineage = manifest["lineage"]


def with_lineage(**changed: object) -> Callable[[str, Path], None]:
    def change(_: str, dataset: Path) -> None:
        manifest = json.loads((dataset / "manifest.json").read_text())
        manifest["lineage"] |= changed
        (dataset / "manifest.json").write_text(json.dumps(manifest))

    return change


@pytest.mark.parametrize(
    ("change", "sections", "why"),
    [
        (without_training, {}, "what champion v3 was trained from is gone"),
        (
            with_lineage(schema_changes=["the class 11 is new in label"]),
            {},
            "the schema has changed: the class 11 is new in label",
        ),
        (
            with_lineage(sides_changed=["data.split.test was 0.1"]),
            {},
            "the champion may have been trained on test rows: data.split.test was 0.1",
        ),
        (
            lambda *_: None,
            {"model": {"architecture": "mlp", "params": {"layers": 1, "units": 9}}},
            "the model has Dense with weights of (64, 9) and (9,) where the earlier one has",
        ),
        (lambda *_: None, {"model": {"architecture": "mlp", "params": {"layers": 3}}}, "layers with weights"),
    ],
)
def test_where_the_champions_weights_do_not_fit_it_says_why_and_starts_from_scratch(
    digits: Path,
    tmp_path: Path,
    change: Callable[[str, Path], None],
    sections: dict[str, object],
    why: str,
) -> None:
    fixed = {"architecture": "mlp", "params": {"layers": 1, "units": 16}}
    snapshot = champion(tmp_path, digits, trained(digits, tmp_path, "first", model=fixed))
    change(snapshot, digits)
    _, said = retrained(
        digits, tmp_path, "again", snapshot, **{"model": fixed, **sections}, retrain={"epochs": 1}
    )
    assert said["start"] == "scratch"
    assert why in said["start_reason"]
    assert len(said["history"]) == 4, "the epochs of a retraining are for a warm start"


def test_a_checkpoint_of_another_start_is_left_out(
    digits: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = trained(digits, tmp_path, "first")
    second = trained(digits, tmp_path, "second", seed=5)
    retrained(digits, tmp_path, "again", champion(tmp_path, digits, first, version=1))
    capfd.readouterr()
    retrained(digits, tmp_path, "again", champion(tmp_path, digits, second, version=2))
    said = capfd.readouterr().err
    assert "is of another run (start differ)" in said
