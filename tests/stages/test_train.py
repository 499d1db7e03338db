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

from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy import training
from trimtab.deploy.champion import PLAN_FILE, TRAINING, Plan
from trimtab.models.cost import weights_sha256
from trimtab.stages import train, tune
from trimtab.stages.stage import records
from trimtab.storage import artifact

MODEL = {"architecture": "mlp", "params": {"layers": 1, "units": 32}}


def config(**sections: object) -> str:
    base = {
        "data": {"train": "sklearn://digits"},
        "model": MODEL,
        "train": {"epochs": 4, "learning_rate": 0.005},
    }
    return Config.model_validate({**base, **sections}).model_dump_json()


def trained(digits: Path, home: Path, *, champion: str = "", **sections: object) -> artifact.Artifact:
    """Runs the stages ``tune`` and ``train`` in a run's directory, and returns the model."""
    keras.backend.clear_session()  # a stage runs in a process of its own
    common = {
        "config": config(**sections),
        "run": str(home),
        "dataset": str(digits),
        "hyperparameters": str(home / "hyperparameters"),
        "champion": champion,
    }
    tune.run(**common)
    train.run(**common, model=str(home / "model"))
    return artifact.load(home / "model", "model")


def summary(home: Path) -> dict[str, Any]:
    return next(record.summary for record in records(str(home)) if record.stage == "train")


@pytest.fixture(scope="module")
def first(digits_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the directory of a finished run, which no test changes."""
    home = tmp_path_factory.mktemp("trained") / "first"
    trained(digits_dataset, home)
    return home


def test_it_writes_a_model_that_others_can_load(first: Path) -> None:
    found = artifact.load(first / "model", "model")
    loaded = keras.saving.load_model(found.path / "model.keras")
    assert weights_sha256(loaded) == found.lineage["weights_sha256"]
    assert not loaded.compiled
    signature = json.loads((found.path / "signature.json").read_text())
    assert signature["spec"]["input_shape"] == [8, 8, 1]
    assert signature["classes"] == [str(digit) for digit in range(10)]
    history = json.loads((found.path / "history.json").read_text())
    assert [entry["epoch"] for entry in history["epochs"]] == [1, 2, 3, 4]
    scores = np.load(found.path / "validation_scores.npy")
    assert scores.shape == (165,)
    assert scores.dtype == np.float32
    assert scores.mean() == pytest.approx(history["epochs"][-1]["val_accuracy"])
    assert summary(first)["validation"]["accuracy"] > 0.85
    assert list((first / "tensorboard" / "train").rglob("*tfevents*"))


def test_an_archive_is_where_training_starts(digits_dataset: Path, first: Path, tmp_path: Path) -> None:
    archive = {"archive": str(first / "model" / "model.keras")}
    short = {"epochs": 1, "learning_rate": 1e-4}
    warm = trained(digits_dataset, tmp_path, model=archive, train=short)
    before, after = summary(first)["history"], summary(tmp_path)["history"]
    assert after[0]["val_loss"] < before[0]["val_loss"] * 0.5
    assert warm.lineage["weights_sha256"] != summary(first)["weights_sha256"]


def test_a_model_no_better_than_guessing_is_warned_of(digits_dataset: Path, tmp_path: Path) -> None:
    trained(digits_dataset, tmp_path, train={"epochs": 1, "learning_rate": 1e-9})
    (warning,) = summary(tmp_path)["warnings"]
    assert "always guessing the most frequent class" in warning


def test_a_stage_that_cannot_train_leaves_no_model_and_says_why(digits_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        trained(digits_dataset, tmp_path, train={"class_weight": {"eleven": 2.0}})
    assert ended.value.code == 2
    record = next(record for record in records(str(tmp_path)) if record.stage == "train")
    assert "train.class_weight: unknown class 'eleven'" in record.error
    assert not (tmp_path / "model").exists()


def test_a_stage_that_is_started_again_takes_the_finished_weights(
    digits_dataset: Path, first: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(first, tmp_path / "run")
    again = trained(digits_dataset, tmp_path / "run")
    assert "was trained to the end before" in capfd.readouterr().err
    assert again.lineage["weights_sha256"] == summary(first)["weights_sha256"]


def champion(tmp_path: Path, digits: Path, home: Path, version: int = 3) -> str:
    """Returns the snapshot of a champion that a run made, as ``plan`` takes it."""
    model = artifact.load(home / "model", "model")
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


def test_a_retraining_starts_from_the_champions_weights(
    digits_dataset: Path, first: Path, tmp_path: Path
) -> None:
    snapshot = champion(tmp_path, digits_dataset, first)
    found = trained(digits_dataset, tmp_path, champion=snapshot, retrain={"epochs": 2})
    said, before = summary(tmp_path), summary(first)["history"]
    assert said["start"] == found.lineage["start"] == "champion v3"
    assert [entry["epoch"] for entry in said["history"]] == [1, 2]
    assert said["history"][0]["val_loss"] < before[0]["val_loss"] * 0.5


def test_the_searchs_best_values_are_trained_and_those_of_a_champion_not_searched(
    digits_dataset: Path, tmp_path: Path
) -> None:
    short: dict[str, Any] = {
        "model": {"architecture": "mlp", "params": {"layers": 1}},
        "train": {"epochs": 1, "schedule": "constant"},
    }
    searched = {"algorithm": "random", "trials": 2, "epochs": 1}
    found = trained(digits_dataset, tmp_path / "tuned", tune=searched, **short)
    values = found.lineage["hyperparameters"]
    rate = summary(tmp_path / "tuned")["history"][0]["learning_rate"]
    assert rate == pytest.approx(values["optimizer"]["learning_rate"])
    model = keras.saving.load_model(found.path / "model.keras")
    assert model.layers[2].units == values["model"]["units"]
    assert values["model"]["layers"] == 1

    snapshot = champion(tmp_path, digits_dataset, tmp_path / "tuned")
    again = trained(digits_dataset, tmp_path / "again", champion=snapshot, tune={"trials": 5}, **short)
    assert again.lineage["hyperparameters"] == values
    assert summary(tmp_path / "again")["start"] == "champion v3"
    (record,) = (one for one in records(str(tmp_path / "again")) if one.stage == "tune")
    assert record.summary == {"skipped": True, "champion": 3}


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
    digits_dataset: Path,
    first: Path,
    tmp_path: Path,
    change: Callable[[str, Path], None],
    sections: dict[str, object],
    why: str,
) -> None:
    snapshot = champion(tmp_path, digits_dataset, first)
    dataset = shutil.copytree(digits_dataset, tmp_path / "dataset")
    change(snapshot, dataset)
    trained(dataset, tmp_path, champion=snapshot, train={"epochs": 2}, retrain={"epochs": 1}, **sections)
    said = summary(tmp_path)
    assert said["start"] == "scratch"
    assert why in said["start_reason"]
    assert len(said["history"]) == 2, "the epochs of a retraining are for a warm start"


def test_a_checkpoint_of_another_start_is_left_out(
    digits_dataset: Path, first: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home, short = tmp_path / "run", {"retrain": {"epochs": 1}}
    trained(digits_dataset, home, champion=champion(tmp_path, digits_dataset, first, 1), **short)
    later = champion(tmp_path, digits_dataset, home, 2)
    capfd.readouterr()
    trained(digits_dataset, home, champion=later, **short)
    assert "is of another run (start differ)" in capfd.readouterr().err
