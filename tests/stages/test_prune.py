"""The prune stage as a component calls it, on a model trained on real digits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import StorageError
from trimtab.models.cost import weights_sha256
from trimtab.stages import prune, train, tune
from trimtab.stages.stage import records
from trimtab.storage import artifact

pytestmark = pytest.mark.slow
CONFIG = Config.model_validate(
    {
        "data": {"train": "sklearn://digits"},
        "model": {"architecture": "mlp", "params": {"units": 32}},
        "train": {"epochs": 4, "learning_rate": 0.005},
        "recipes": [
            {"prune": {"method": "magnitude", "sparsity": 0.5, "epochs": 1}},
            {"prune": {"method": "channels", "ratio": 0.25, "epochs": 1}},
        ],
    }
).model_dump_json()
_, SPARSE, SMALL = Config.model_validate_json(CONFIG).branches()


@pytest.fixture(scope="module")
def trained(digits_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Returns the arguments that every recipe shares, after training."""
    folder = tmp_path_factory.mktemp("trained")
    common = {
        "config": CONFIG,
        "run": str(folder / "run"),
        "dataset": str(digits_dataset),
        "hyperparameters": str(folder / "hyperparameters"),
    }
    tune.run(**common)
    train.run(**common, model=str(folder / "model"))
    return {**common, "model": str(folder / "model")}


def pruned(trained: dict[str, str], recipe: str, target: Path) -> artifact.Artifact:
    prune.run(**trained, recipe=recipe, pruned=str(target))
    return artifact.load(target, "model")


def record_of(trained: dict[str, str], recipe: str) -> Any:
    return next(
        record for record in records(trained["run"]) if (record.stage, record.item) == ("prune", recipe)
    )


def test_the_baseline_is_the_trained_model_and_its_float_file(
    trained: dict[str, str], tmp_path: Path
) -> None:
    model = artifact.load(trained["model"], "model")
    baseline = pruned(trained, "none", tmp_path / "none")
    assert artifact.load(trained["model"], "model").digest == model.digest
    for name in ("model.keras", "validation_scores.npy", "signature.json", "history.json"):
        assert (baseline.path / name).read_bytes() == (model.path / name).read_bytes()
    assert baseline.lineage["ok"]
    assert baseline.lineage["parent"] == model.digest
    assert baseline.lineage["weights_sha256"] == model.lineage["weights_sha256"]
    assert baseline.lineage["max_difference"] < 1e-4
    assert (baseline.path / "float" / "model.tflite").stat().st_size > 4 * baseline.lineage["cost"][
        "parameters"
    ]
    assert record_of(trained, "none").summary["cost"] == baseline.lineage["cost"]


def test_zeros_are_counted_and_validation_is_scored_again(trained: dict[str, str], tmp_path: Path) -> None:
    found = pruned(trained, SPARSE, tmp_path / "sparse")
    assert found.lineage["cost"]["sparsity"] == pytest.approx(0.5, abs=0.01)
    model = keras.saving.load_model(found.path / "model.keras")
    assert weights_sha256(model) == found.lineage["weights_sha256"]
    x, y = Dataset.open(trained["dataset"]).head("validation", 10_000)
    right = np.asarray(model(x)).argmax(axis=1) == y
    np.testing.assert_array_equal(np.load(found.path / "validation_scores.npy"), right.astype(np.float32))


def test_channels_go_and_the_fine_tuning_can_be_resumed(trained: dict[str, str], tmp_path: Path) -> None:
    found = pruned(trained, SMALL, tmp_path / "small")
    whole = json.loads((Path(trained["model"]) / "manifest.json").read_text())["counts"]["parameters"]
    assert found.lineage["cost"]["parameters"] < 0.9 * whole
    run = Path(trained["run"])
    assert list((run / "checkpoints" / f"prune.{SMALL}").iterdir())
    assert list((run / "tensorboard" / "prune" / SMALL).rglob("*tfevents*"))
    again = pruned(trained, SMALL, tmp_path / "again")
    assert again.lineage["weights_sha256"] == found.lineage["weights_sha256"]
    history = record_of(trained, SMALL).summary["history"]
    assert [entry["epoch"] for entry in history] == list(range(1, len(history) + 1))
    assert all(entry["loss"] > 0 for entry in history)


@pytest.mark.parametrize("defect", [False, True])
def test_a_recipe_that_fails_is_a_reason_and_not_a_failed_stage(
    defect: bool, trained: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimtab.compress import apply
    from trimtab.errors import CompressionError

    def refuses(*args: object) -> None:
        raise ZeroDivisionError("a defect") if defect else CompressionError("cannot be done", field="dense_1")

    monkeypatch.setattr(apply, "apply", refuses)
    failed = pruned(trained, SPARSE, tmp_path / "failed")
    reason = "unexpected ZeroDivisionError: a defect" if defect else "dense_1: cannot be done"
    assert (failed.lineage["ok"], failed.lineage["reason"]) == (False, reason)
    assert not (failed.path / "model.keras").exists()
    record = record_of(trained, SPARSE)
    assert record.ok
    assert record.summary["reason"] == reason
    assert ("ZeroDivisionError" in record.summary.get("traceback", "")) is defect


def test_storage_that_fails_is_no_recipe_less(
    trained: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimtab.compress import apply

    def refuses(*args: object) -> None:
        raise StorageError("it kept failing", path="gs://bucket/x")

    monkeypatch.setattr(apply, "apply", refuses)
    with pytest.raises(SystemExit, match=str(StorageError.exit_code)):
        pruned(trained, SPARSE, tmp_path / "failed")
    assert not (tmp_path / "failed").exists()


def test_a_method_that_fails_halfway_leaves_no_model(
    trained: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimtab.models import cost

    def breaks(model: keras.Model) -> int:
        raise ZeroDivisionError("after the model was saved")

    monkeypatch.setattr(cost, "macs", breaks)
    failed = pruned(trained, SMALL, tmp_path / "failed")
    assert not failed.lineage["ok"]
    assert sorted(failed.manifest.files) == ["history.json", "signature.json"]


def test_a_baseline_that_litert_cannot_take_ends_the_run(
    trained: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimtab.compress import ending
    from trimtab.errors import CompressionError

    def refuses(*args: object) -> None:
        raise CompressionError("LiteRT has no built-in kernel for Erfinv")

    monkeypatch.setattr(ending, "write", refuses)
    with pytest.raises(SystemExit) as caught:
        prune.run(**trained, recipe="none", pruned=str(tmp_path / "none"))
    assert caught.value.code == 2
    assert not (tmp_path / "none").exists()
    record = record_of(trained, "none")
    assert (record.error_type, record.ok) == ("ModelError", False)
