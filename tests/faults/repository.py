"""A repository with three versions, and the artifacts that they were made from, without TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path
from unittest import mock

import numpy as np
from linear import linear_tflite
from PIL import Image
from served import predict

from trimtab.artifacts import training
from trimtab.batch import INPUT, OUTPUT
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import SCHEMA_FILE, Dataset
from trimtab.deploy import ledger, promotion, servable
from trimtab.deploy.golden import Golden
from trimtab.deploy.repository import Repository
from trimtab.stages import data_prep
from trimtab.storage import artifact

VERSIONS = (1, 2, 3)


def make(directory: Path) -> tuple[Path, Path, list[Path]]:
    """Returns a repository, images to ask it about, and the directories of other artifacts."""
    config = Config.model_validate(
        {"data": {"train": "sklearn://digits", "workers": 1}, "model": {"architecture": "mlp"}}
    )
    prepared = directory / "store" / data_prep.run(str(directory / "run"), config.model_dump_json())
    target, made = directory / "deployed", [prepared]
    for seed in VERSIONS:
        selection, origin = _selection(directory, prepared, seed), _training(directory, prepared, seed)
        with mock.patch.object(servable, "check", return_value=servable.Check()):
            schema, about = (prepared / SCHEMA_FILE).read_bytes(), json.dumps({"run": f"/runs/{seed}"})
            promotion.deploy(str(target), selection, schema, about, training=origin)
        ledger.enter(Repository(str(target)), f"{seed:064x}", f"{seed:064x}", f"/runs/{seed}")
        made += [selection.path, origin.path]
    return target, _images(directory / "images"), made


def _images(directory: Path) -> Path:
    directory.mkdir()
    for seed in range(8):
        pixels = np.random.default_rng(seed).integers(0, 17, (8, 8)).astype(np.uint8)
        Image.fromarray(pixels).save(directory / f"{seed}.png")
    return directory


def _selection(directory: Path, dataset: Path, seed: int) -> artifact.Artifact:
    data = Dataset.open(dataset)
    weights = np.random.default_rng(seed).normal(size=(data.schema.outputs, 64)).astype(np.float32)
    with artifact.create(directory / f"selection-{seed}", "selection") as draft:
        (draft.path / "model.tflite").write_bytes(linear_tflite(weights, shape=data.schema.input.shape))
        x = data.arrays("test")[0][:8]
        y = predict(draft.path, data.model_input(x))
        Golden({INPUT: x}, {OUTPUT: y}, 1e-5).save(draft.path / "golden.npz")
        (draft.path / "selection.json").write_text(json.dumps({"seed": seed}))
        draft.lineage = {"dataset": data.fingerprint, "candidate": "none--none"}
    return artifact.load(directory / f"selection-{seed}", "selection")


def _training(directory: Path, dataset: Path, seed: int) -> artifact.Artifact:
    data = Dataset.open(dataset)
    with artifact.create(directory / f"model-{seed}", "model") as draft:
        (draft.path / training.MODEL_FILE).write_bytes(b"model %d" % seed * 1000)
    model = artifact.load(directory / f"model-{seed}", "model")
    record = training.TrainingRecord(
        fingerprint=data.fingerprint,
        rows=data.rows,
        recipe=[{"none": {}}, {"runtime": "litert"}],
        candidate="none--none",
        hyperparameters={"model": {}, "optimizer": {}},
        data={"train": "sklearn://digits"},
    )
    return training.write(directory / f"training-{seed}", record, data, model, model)
