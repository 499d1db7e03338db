"""Passes to be killed: what each ends with goes to a file of its directory."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
from faults.kills import die_writing

from trimtab import registry
from trimtab.compress.base import Context
from trimtab.config.train import Train
from trimtab.data.dataset.dataset import Dataset
from trimtab.models.cost import weights_sha256
from trimtab.tasks.registry import task
from trimtab.train import determinism
from trimtab.train.distillation import SoftLabels
from trimtab.train.loop import fine_tuner
from trimtab.train.settings import TrainSettings
from trimtab.train.workspace import Workspace

SEED, EPOCHS = 3, 3
OUTCOME = "outcome"
TRAIN = {
    "epochs": 10,
    "batch_size": 16,
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "warmup_epochs": 1,
    "learning_rate": 0.02,
    "class_weight": "balanced",
    "checkpoint_seconds": 0.02,
}


def network(shape: tuple[int, ...], classes: int) -> keras.Model:
    """Convolution, batch normalization and dropout: everything with a state of its own."""
    inputs = keras.Input(shape)
    x = keras.layers.Conv2D(8, 3, padding="same", use_bias=False)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.ReLU()(x)
    x = keras.layers.Dropout(0.3)(x)
    x = keras.layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def main(name: str, dataset: str, directory: str, teacher: str | None, dies_writing: int = 0) -> None:
    die_writing(dies_writing)
    data = Dataset.open(dataset)
    determinism.prepare(SEED)
    model = network(data.schema.input.shape, data.schema.outputs)
    context = context_of(data, Path(directory), model, checkpoint_seconds=1e-6)
    found = registry.module(registry.PASSES, name).PASS
    result = found(model, found.params(epochs=EPOCHS, learning_rate_factor=1.0, teacher=teacher), context)
    Path(directory, OUTCOME).write_text(digest(result))


def context_of(data: Dataset, directory: Path, baseline: keras.Model, **train: Any) -> Context:
    """Returns what a stage gives to a pass."""
    settings = TrainSettings(Train.model_validate(TRAIN | train), SEED)
    space = Workspace(directory / "checkpoints", directory / "tensorboard")
    return Context(
        seed=SEED,
        task="classification",
        steps_per_epoch=-(-data.rows["train"] // settings.train.batch_size),
        fine_tune=fine_tuner(
            data,
            settings,
            label="resumable",
            workspace=lambda: contextlib.nullcontext(space),
            binding={},
            teaching=lambda settings: SoftLabels(baseline, settings, task("classification").learning),
            ended=lambda history: None,
        ),
        calibration=lambda n: np.asarray(data.head("train", n)[0]["input"]),
        say=lambda text: None,
    )


def digest(result: Any) -> str:
    """Returns a checksum of a Keras model's weights, or of files."""
    if isinstance(result, keras.Model):
        return weights_sha256(result)
    return hashlib.sha256(b"".join(result.values())).hexdigest()
