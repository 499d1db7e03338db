"""The training loop: Keras' ``fit``, exactly resumable.

Killed at any moment and started again with the same arguments, a run ends with the same bits as one that was
never interrupted (on the CPU, with ``determinism.prepare``): a batch depends on the seed and the step alone,
seed generators are set at each epoch's start, and a checkpoint holds every value that a step reads or
changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras
import tensorflow as tf

from trimtab import preemption, progress
from trimtab.config.fine_tuning import FineTuning, Teacher
from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import TrainingError
from trimtab.models.autograph import without_autograph
from trimtab.tasks.of_labels import meant
from trimtab.train import precision, rates
from trimtab.train.checkpoint import Checkpoints
from trimtab.train.distillation import SoftLabels
from trimtab.train.feed import Feed
from trimtab.train.history import History
from trimtab.train.library import KERAS, Library
from trimtab.train.optimizer import optimizer
from trimtab.train.run import Run
from trimtab.train.settings import TrainSettings
from trimtab.train.workspace import Workspace


@without_autograph
def fit(
    model: Any,
    dataset: Dataset,
    settings: TrainSettings,
    *,
    label: str,
    workspace: Workspace | None = None,
    binding: Mapping[str, str] | None = None,
    labels: SoftLabels | None = None,
    callbacks: Sequence[Any] = (),
    library: Library = KERAS,
) -> History:
    """Trains a model in place; it ends with the last epoch's weights, or the best with early stopping.

    Call ``determinism.prepare(settings.seed)`` before the model is built. The model is left uncompiled.

    Args:
        model: A built, uncompiled Keras 3 model, or one of another library.
        dataset: The dataset artifact.
        settings: The training settings.
        label: Names the run in the progress lines, such as ``train``.
        workspace: Directories of this run alone; None: it cannot be resumed, and writes no logs.
        binding: What else the run depends on, such as the checksum of the weights it starts from: a
            checkpoint with another binding is left out.
        labels: Mixes a teacher's answers into the labels.
        callbacks: What else is called at every step, of the model's library. Whatever of its state a step
            depends on has to be in the model's variables.
        library: The model's.

    Returns:
        What happened, by epoch.

    Raises:
        ConfigError: If augmentation or class weights do not fit the data.
        TrainingError: If the loss is no longer a number, or memory runs out.
        Preempted: If the process is told to stop; a checkpoint of the last step is there.
    """
    feed = Feed(dataset, settings, labels)

    def say(text: str) -> None:
        progress.say(label, text)

    store = None
    if workspace is not None:
        bound = {**_binding(model, dataset, settings, library), **(binding or {})}
        store = Checkpoints(workspace.checkpoints, bound, say, workspace.publish)
    with (
        precision.mixed(model, settings.train.mixed_precision and library is KERAS),
        rates.frozen(model, settings.train),
    ):
        _compile(model, settings, feed, dataset, library)
        log_dir = workspace.logs if workspace else None
        run = Run(model, library, settings, feed, store, log_dir, say, callbacks)
        try:
            with preemption.deferred():
                run.go()
        except tf.errors.ResourceExhaustedError as error:
            raise TrainingError(
                "memory ran out during training",
                field="train.batch_size",
                hint=f"Try less than train.batch_size: {settings.train.batch_size}, or a smaller model.",
            ) from error
    if library is KERAS:
        _forget_compilation(model)
    return run.history


def fine_tuner(
    dataset: Dataset,
    settings: TrainSettings,
    *,
    label: str,
    workspace: Callable[[], AbstractContextManager[Workspace]],
    binding: Mapping[str, str],
    teaching: Callable[[Teacher], SoftLabels],
    ended: Callable[[History], None],
) -> Callable[..., None]:
    """Returns what passes fine-tune by: the same loop; see ``trimtab.compress.base.FineTune``.

    Args:
        dataset: The dataset artifact.
        settings: The settings that the model was trained with.
        label: Names the run in the progress lines, such as ``prune channels-0.5``.
        workspace: Opens directories of this fine-tuning alone.
        binding: What else it depends on, such as the parent's digest and the step.
        teaching: Returns the labels of a teacher, for passes that ask for one.
        ended: Gets the history of a fine-tuning.
    """

    def fine_tune(
        model: Any, tuning: FineTuning, *, callbacks: Sequence[Any] = (), library: Library | None = None
    ) -> None:
        labels = teaching(tuning.teacher) if tuning.teacher else None
        with workspace() as space:
            history = fit(
                model,
                dataset,
                settings.for_fine_tuning(tuning),
                label=label,
                workspace=space,
                binding=binding,
                labels=labels,
                callbacks=callbacks,
                library=library or KERAS,
            )
        ended(history)

    return fine_tune


def _compile(model: Any, settings: TrainSettings, feed: Feed, dataset: Dataset, library: Library) -> None:
    learning, api, soft = meant(dataset.schema).learning, library.api, feed.has_soft_labels
    with model.distribute_strategy.scope():
        stepping = optimizer(settings.train, feed.steps_per_epoch, api)
        # XLA halved the speed of a small convolutional net on the CPU, and is not promised to be
        # deterministic.
        model.compile(
            optimizer=rates.by_layer(stepping, model, settings.train, feed.steps_per_epoch),
            loss=learning.loss(api, soft=soft, errors=settings.errors),
            loss_weights=learning.loss_weights,
            metrics=learning.metrics(api, soft=soft),
            jit_compile=False,
        )
        # The library creates the variables of optimizer and metrics at the first step; a checkpoint wants
        # them before it.
        library.build(model, feed.training().element_spec)


def _forget_compilation(model: keras.Model) -> None:
    """Makes the model what it was before: its file then holds no optimizer and no schedule of ours."""
    model.compiled = False
    model.optimizer = None
    model.train_function = model.test_function = model.predict_function = None


def _binding(model: Any, dataset: Dataset, settings: TrainSettings, library: Library) -> dict[str, str]:
    return {
        "settings": settings.digest,
        "data": dataset.digest,
        "architecture": hashlib.sha256(library.fingerprint(model).encode()).hexdigest(),
    }
