"""What a compression method may use: data, and the training loop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from itertools import count

import keras

from trimtab import progress
from trimtab.artifacts.hyperparameters import Hyperparameters
from trimtab.artifacts.model import MODEL_FILE, Epoch, ModelLineage
from trimtab.artifacts.store import ContentStore
from trimtab.batch import Batch, fed
from trimtab.compress.base import Context
from trimtab.config.config import Config
from trimtab.config.model import Model
from trimtab.data.dataset.dataset import Dataset
from trimtab.models import archive
from trimtab.stages.making import validation
from trimtab.stages.making.labelled import labelled
from trimtab.stages.making.teaching import teaching
from trimtab.stages.making.weighing import Weighing
from trimtab.train import determinism
from trimtab.train.history import History
from trimtab.train.loop import fine_tuner
from trimtab.train.settings import TrainSettings
from trimtab.train.workspace import Workspace, workspace


class Making:
    """One application of a pass: what it is given, and the history of its fine-tuning.

    Everything random in this process follows the seed from now on.

    Args:
        run: The URI of the run's directory, where checkpoints and logs of a fine-tuning go.
        label: The stage and what it works on, such as ``prune channels-0.5``.
        config: The resolved config.
        data: The dataset, with its training and validation splits.
        values: The hyper-parameters that the model was trained with.
        parent: The reference of the model that the pass starts from: a checkpoint of another is left out.
        baseline: Returns the trained model, before any step.
    """

    def __init__(
        self,
        run_uri: str,
        label: str,
        config: Config,
        data: Dataset,
        values: Hyperparameters,
        parent: str,
        baseline: Callable[[], keras.Model],
    ) -> None:
        determinism.prepare(config.seed)
        self.history: list[Epoch] = []
        self._run_uri, self._label, self._data = run_uri, label, data
        self._parent, self._baseline, self._seed = parent, baseline, config.seed
        self._settings = TrainSettings.of(config, data, values.optimizer)
        self._sample: Callable[[int], Batch] = cache(lambda n: data.sample("train", n, config.seed)[0])

    def context(self) -> Context:
        """Returns what the pass gets."""
        stage, _, item = self._label.partition(" ")
        rounds = count(1)

        def space() -> AbstractContextManager[Workspace]:
            number = next(rounds)
            return workspace(self._run_uri, stage, item if number == 1 else f"{item}.{number}")

        return Context(
            seed=self._seed,
            task=self._data.schema.task,
            steps_per_epoch=-(-self._data.rows["train"] // self._settings.train.batch_size),
            fine_tune=fine_tuner(
                self._data,
                self._settings,
                label=self._label,
                workspace=space,
                binding={"parent": self._parent, "item": item},
                teaching=teaching(self._data, self._baseline),
                ended=self._take,
            ),
            calibration=lambda n: fed(self._sample(n)),
            say=lambda text: progress.say(self._label, text),
            labelled=labelled(self._data, self._seed, self._settings.errors),
            validation_loss=validation.loss(self._data, self._seed, self._settings.errors),
            scales=Weighing(ContentStore(self._run_uri), self._sample, self._seed),
        )

    def _take(self, history: History) -> None:
        """Numbers the epochs of a fine-tuning after those of the ones before it."""
        before = len(self.history)
        self.history.extend({**epoch, "epoch": before + epoch["epoch"]} for epoch in history.epochs)


def trained(store: ContentStore, ref: str, model: Model) -> Callable[[], keras.Model]:
    """Returns what loads the trained model that a model comes from, or is.

    Args:
        store: The content store.
        ref: The reference of a model.
        model: The config's ``model`` section, which it was made by.
    """

    def load() -> keras.Model:
        lineage = ModelLineage.model_validate(store.open(ref, []).lineage)
        return archive.load(store.open(lineage.trained or ref, [MODEL_FILE]).path / MODEL_FILE, model)

    return load
