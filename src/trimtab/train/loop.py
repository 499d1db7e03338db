"""The training loop: Keras' ``fit``, exactly resumable.

Killed at any moment and started again with the same arguments, a run ends with the same bits as one that was
never interrupted (on the CPU, with ``determinism.prepare``): a batch depends on the seed and the step alone,
seed generators are set at each epoch's start, and a checkpoint holds every value that a step reads or
changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import keras
import tensorflow as tf

from trimtab import preemption, progress
from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import TrainingError
from trimtab.models import keras_graph
from trimtab.train import objective, precision
from trimtab.train.checkpoint import Checkpoints
from trimtab.train.feed import Feed
from trimtab.train.history import History
from trimtab.train.optimizer import optimizer
from trimtab.train.run import Run
from trimtab.train.settings import TrainSettings
from trimtab.train.workspace import Workspace


def fit(
    model: keras.Model,
    dataset: Dataset,
    settings: TrainSettings,
    *,
    label: str,
    workspace: Workspace | None = None,
    binding: Mapping[str, str] | None = None,
) -> History:
    """Trains a model in place; it ends with the last epoch's weights, or the best with early stopping.

    Call ``determinism.prepare(settings.seed)`` before the model is built. The model is left uncompiled.

    Args:
        model: A built, uncompiled Keras 3 model.
        dataset: The dataset artifact.
        settings: The training settings.
        label: Names the run in the progress lines, such as ``train``.
        workspace: Directories of this run alone; None: it cannot be resumed, and writes no logs.
        binding: What else the run depends on, such as the checksum of the weights it starts from: a
            checkpoint with another binding is left out.

    Returns:
        What happened, by epoch.

    Raises:
        ConfigError: If augmentation or class weights do not fit the data.
        TrainingError: If the loss is no longer a number, or memory runs out.
        Preempted: If the process is told to stop; a checkpoint of the last step is there.
    """
    feed = Feed(dataset, settings)

    def say(text: str) -> None:
        progress.say(label, text)

    store = None
    if workspace is not None:
        bound = {**_binding(model, dataset, settings), **(binding or {})}
        store = Checkpoints(workspace.checkpoints, bound, say, workspace.publish)
    with precision.mixed(model, settings.train.mixed_precision):
        _compile(model, settings, feed, dataset)
        run = Run(model, settings, feed, store, workspace.logs if workspace else None, say)
        try:
            with preemption.deferred():
                run.go()
        except tf.errors.ResourceExhaustedError as error:
            raise TrainingError(
                "memory ran out during training",
                field="train.batch_size",
                hint=f"Try less than train.batch_size: {settings.train.batch_size}, or a smaller model.",
            ) from error
    _forget_compilation(model)
    return run.history


def fine_tuner(
    dataset: Dataset,
    settings: Callable[[int, float], TrainSettings],
    *,
    label: str,
    workspace: Callable[[], AbstractContextManager[Workspace]],
    binding: Mapping[str, str],
    ended: Callable[[History], None],
) -> Callable[[keras.Model, int, float], None]:
    """Returns ``fine_tune(model, epochs, learning_rate)`` for the compression methods: the same loop.

    Args:
        dataset: The dataset artifact.
        settings: Returns the training settings for a number of epochs and a learning rate.
        label: Names the run in the progress lines, such as ``prune channels-0.5``.
        workspace: Opens directories of this fine-tuning alone.
        binding: What else it depends on, such as the parent's ``weights_sha256`` and the recipe.
        ended: Gets the history of a fine-tuning.
    """

    def fine_tune(model: keras.Model, epochs: int, learning_rate: float) -> None:
        shorter = settings(epochs, learning_rate)
        with workspace() as space:
            ended(fit(model, dataset, shorter, label=label, workspace=space, binding=binding))

    return fine_tune


def _compile(model: keras.Model, settings: TrainSettings, feed: Feed, dataset: Dataset) -> None:
    task = dataset.schema.task
    with model.distribute_strategy.scope():
        # XLA halved the speed of a small convolutional net on the CPU, and is not promised to be
        # deterministic.
        model.compile(
            optimizer=optimizer(settings.train, feed.steps_per_epoch),
            loss=objective.loss(task),
            metrics=objective.metrics(task),
            jit_compile=False,
        )
        # Keras creates the variables of optimizer and metrics at the first step; a checkpoint wants them
        # before it.
        keras_graph.build_variables(model, feed.training().element_spec)


def _forget_compilation(model: keras.Model) -> None:
    """Makes the model what it was before: its file then holds no optimizer and no schedule of ours."""
    model.compiled = False
    model.optimizer = None
    model.train_function = model.test_function = model.predict_function = None


def _binding(model: keras.Model, dataset: Dataset, settings: TrainSettings) -> dict[str, str]:
    return {
        "settings": settings.digest,
        "data": dataset.digest,
        "architecture": hashlib.sha256(model.to_json().encode()).hexdigest(),
    }
