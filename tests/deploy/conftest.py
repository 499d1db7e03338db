"""A selected model, as ``select`` leaves it, and raw inputs for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from served import linear_files, predict

from trimtab.artifacts import training
from trimtab.batch import INPUT, OUTPUT
from trimtab.data.dataset.dataset import SCHEMA_FILE, Dataset
from trimtab.deploy import servable
from trimtab.deploy.golden import Golden
from trimtab.runtimes import registry
from trimtab.storage import artifact


@pytest.fixture
def make_selection(
    tmp_path: Path, digits_dataset: Path, linear_tflite: Callable[..., bytes]
) -> Callable[..., artifact.Artifact]:
    """Returns a function that writes a ``selection``: ``make_selection(seed, error=0.0, runtime="")``.

    Without a runtime it is as before there were others: LiteRT's, which it does not say.
    """

    def make(
        seed: int = 0, error: float = 0.0, dataset: Path = digits_dataset, runtime: str = ""
    ) -> artifact.Artifact:
        data = Dataset.open(dataset)
        shape, outputs = data.schema.input.shape, data.schema.outputs
        weights = np.random.default_rng(seed).normal(size=(outputs, int(np.prod(shape)))).astype(np.float32)
        softmax = data.schema.task == "classification"
        path = tmp_path / f"selection-{seed}-{error}{runtime}"
        with artifact.create(path, "selection") as draft:
            if runtime:
                linear_files(weights, shape, draft.path, runtime)
            else:
                content = linear_tflite(weights, shape=shape, softmax=softmax)
                (draft.path / "model.tflite").write_bytes(content)
            x = data.arrays("test")[0][:8]
            y = predict(draft.path, data.model_input(x), runtime or "litert")
            Golden({INPUT: x}, {OUTPUT: y + np.float32(error)}, 1e-5).save(draft.path / "golden.npz")
            (draft.path / "selection.json").write_text(json.dumps({"seed": seed}))
            draft.lineage = {"dataset": data.fingerprint, "candidate": "none--none"}
            if runtime:
                draft.lineage |= {"runtime": runtime, "runtime_version": registry.runtime(runtime).version()}
        return artifact.load(path, "selection")

    return make


@pytest.fixture
def make_training(tmp_path: Path, digits_dataset: Path) -> Callable[..., artifact.Artifact]:
    """Returns a function that writes a ``training`` artifact: ``make_training(seed)``."""

    def make(seed: int = 0) -> artifact.Artifact:
        data = Dataset.open(digits_dataset)
        with artifact.create(tmp_path / f"model-{seed}", "model") as draft:
            (draft.path / training.MODEL_FILE).write_bytes(b"model %d" % seed)
        model = artifact.load(tmp_path / f"model-{seed}", "model")
        record = training.TrainingRecord(
            fingerprint=data.fingerprint,
            rows=data.rows,
            recipe=[{"none": {}}, {"runtime": "litert"}],
            candidate="none--none",
            hyperparameters={"model": {}, "optimizer": {}},
            data={"train": "sklearn://digits"},
        )
        return training.write(tmp_path / f"training-{seed}", record, data, model, model)

    return make


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the fresh process, where a test is not about what it finds."""
    monkeypatch.setattr(servable, "check", lambda *_: servable.Check())


@pytest.fixture
def schema(digits_dataset: Path) -> bytes:
    """Returns the content of the dataset's ``schema.json``."""
    return (digits_dataset / SCHEMA_FILE).read_bytes()


@pytest.fixture
def target(tmp_path: Path) -> str:
    """Returns the path of a repository that does not exist yet."""
    return str(tmp_path / "deployed" / "digits")


@pytest.fixture(params=["local", "gs"])
def anywhere(request: pytest.FixtureRequest, target: str) -> str:
    """Returns the URI of a repository that does not exist yet, on this machine and in a bucket."""
    if request.param == "local":
        return target
    request.getfixturevalue("emulator")
    return "gs://bucket/deployed/digits"
