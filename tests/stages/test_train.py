"""The train and tune stages as a component calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from trimtab.config.config import Config
from trimtab.data.schema import Column, DatasetSchema, TensorSpec
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


def test_without_tune_nothing_is_searched_and_tensorflow_stays_out(tmp_path: Path) -> None:
    script = f"""
import sys
from trimtab.stages import tune
arguments = {{"run": {str(tmp_path)!r}, "dataset": "unused", "hyperparameters": {str(tmp_path / "hp")!r}}}
tune.run(config={config()!r}, **arguments)
assert not {{"tensorflow", "keras", "keras_tuner"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    found = artifact.load(tmp_path / "hp", "hyperparameters")
    assert json.loads((found.path / "hyperparameters.json").read_text()) == {}
