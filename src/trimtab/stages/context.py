"""What the prune and quantize stages let a compression method use: data, and the training loop."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trimtab import progress
from trimtab.compress.base import Context
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.stages.stage import StageRecord
from trimtab.stages.train import read_hyperparameters
from trimtab.storage.artifact import Artifact
from trimtab.train import determinism
from trimtab.train.feed import Feed
from trimtab.train.loop import fine_tuner
from trimtab.train.settings import TrainSettings
from trimtab.train.workspace import workspace


def compression_context(
    *, config: Config, run: str, record: StageRecord, data: Dataset, hyperparameters: str, parent: Artifact
) -> Context:
    """Returns the context of one candidate, and makes everything random in this process follow the seed.

    Args:
        config: The resolved config.
        run: The URI of the run's directory, where checkpoints and logs of a fine-tuning go.
        record: The record of the stage and its recipe or candidate; it gets the fine-tuning's history.
        data: The dataset.
        hyperparameters: The ``hyperparameters`` artifact: the optimizer that the model was trained with.
        parent: The ``model`` artifact that the method starts from: a checkpoint of another one is left out.
    """
    determinism.prepare(config.seed)
    label, item = f"{record.stage} {record.item}", record.item
    tuned = read_hyperparameters(hyperparameters)["optimizer"]
    settings = TrainSettings.of(config, tuned)
    feed: list[Feed] = []

    def train_batches(epoch: int) -> Iterator[tuple[np.ndarray, ...]]:
        if not feed:
            feed.append(Feed(data, settings))
        steps = feed[0].steps_per_epoch
        batches: Iterator[tuple[np.ndarray, ...]]
        batches = feed[0].training(epoch * steps).take(steps).as_numpy_iterator()
        return batches

    def shorter(epochs: int, learning_rate: float) -> TrainSettings:
        overrides = {"epochs": epochs, "learning_rate": learning_rate, "early_stopping": None}
        return TrainSettings.of(config, {**tuned, **overrides})

    return Context(
        seed=config.seed,
        batch_size=settings.train.batch_size,
        learning_rate=settings.train.learning_rate,
        task=data.schema.task,
        train_batches=train_batches,
        steps_per_epoch=-(-data.rows["train"] // settings.train.batch_size),
        fine_tune=fine_tuner(
            data,
            shorter,
            label=label,
            workspace=lambda: workspace(run, record.stage, item),
            binding={"parent": parent.digest, "item": item},
            ended=lambda history: record.summary.update(history=history.epochs),
        ),
        calibration=lambda n: data.head("train", n)[0],
        say=lambda text: progress.say(label, text),
        optimizer=settings.train.optimizer,
        momentum=settings.train.momentum,
    )
