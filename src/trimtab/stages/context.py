"""What the prune and quantize stages let a compression method use: data, and the training loop."""

from __future__ import annotations

from collections.abc import Callable

import keras

from trimtab import progress
from trimtab.compress.base import Context
from trimtab.config.config import Config
from trimtab.data.dataset.dataset import Dataset
from trimtab.stages.stage import StageRecord
from trimtab.stages.train import read_hyperparameters
from trimtab.storage.artifact import Artifact
from trimtab.train import determinism
from trimtab.train.loop import fine_tuner
from trimtab.train.settings import TrainSettings
from trimtab.train.workspace import workspace


def compression_context(
    *,
    config: Config,
    run: str,
    record: StageRecord,
    item: str,
    data: Dataset,
    hyperparameters: str,
    parent: Artifact,
    baseline: Callable[[], keras.Model],
) -> Context:
    """Returns the context of one candidate, and makes everything random in this process follow the seed.

    Args:
        config: The resolved config.
        run: The URI of the run's directory, where checkpoints and logs of a fine-tuning go.
        record: The record of the stage, which gets the fine-tuning's history.
        item: The step that is applied; it names the checkpoints and logs of its fine-tuning.
        data: The dataset.
        hyperparameters: The ``hyperparameters`` artifact: the optimizer that the model was trained with.
        parent: The ``model`` artifact that the method starts from: a checkpoint of another one is left out.
        baseline: Returns the trained model, before any step.
    """
    determinism.prepare(config.seed)
    label = f"{record.stage} {item}"
    settings = TrainSettings.of(config, read_hyperparameters(hyperparameters)["optimizer"])
    return Context(
        seed=config.seed,
        task=data.schema.task,
        steps_per_epoch=-(-data.rows["train"] // settings.train.batch_size),
        fine_tune=fine_tuner(
            data,
            settings,
            label=label,
            workspace=lambda: workspace(run, record.stage, item),
            binding={"parent": parent.digest, "item": item},
            baseline=baseline,
            ended=lambda history: record.summary.update(history=history.epochs),
        ),
        calibration=lambda n: data.head("train", n)[0],
        say=lambda text: progress.say(label, text),
    )
