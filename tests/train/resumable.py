"""A training run to be killed: what it ends with goes to a file of its directory."""

from __future__ import annotations

import json
from pathlib import Path

import keras

from trimtab.config.train import Train
from trimtab.data.dataset.dataset import Dataset
from trimtab.models.cost import weights_sha256
from trimtab.train import determinism, feed, loop
from trimtab.train.settings import TrainSettings
from trimtab.train.workspace import Workspace

SEED = 3
OUTCOME = "outcome.json"


def network(shape: tuple[int, ...], classes: int) -> keras.Model:
    """Convolution, batch normalization and dropout: everything with a state of its own."""
    inputs = keras.Input(shape)
    x = keras.layers.Conv2D(8, 3, padding="same", use_bias=False)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.ReLU()(x)
    x = keras.layers.Dropout(0.3)(x)
    x = keras.layers.Conv2D(16, 3, strides=2, padding="same")(x)
    x = keras.layers.SpatialDropout2D(0.2)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def main(dataset: str, directory: str, in_memory_bytes: int) -> None:
    feed.IN_MEMORY_BYTES = in_memory_bytes
    data = Dataset.open(dataset)
    train = Train.model_validate(
        {
            "epochs": 8,
            "batch_size": 16,
            "schedule": "cosine",
            "warmup_epochs": 0.5,
            "learning_rate": 0.02,
            "freeze": True,
            "unfreeze_after": 0.7,
            "first_layer_rate": 0.5,
            "augment": {"flip_horizontal": True, "crop_padding": 1, "brightness": 0.2, "contrast": 0.2},
            "class_weight": "balanced",
            "early_stopping": {"patience": 3},
            "checkpoint_seconds": 0.02,
        }
    )
    determinism.prepare(SEED)
    model = network(data.schema.input.shape, data.schema.outputs)
    history = loop.fit(
        model,
        data,
        TrainSettings(train, SEED),
        label="resumable",
        workspace=Workspace(Path(directory) / "checkpoints", Path(directory) / "tensorboard"),
    )
    kept = [{k: v for k, v in entry.items() if k != "seconds"} for entry in history.epochs]
    outcome = [weights_sha256(model), history.best_epoch, history.stopped_early, kept]
    Path(directory, OUTCOME).write_text(json.dumps(outcome))
