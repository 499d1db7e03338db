"""Makes the files of a chain whose passes are applied without fine-tuning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from trimtab.artifacts.model import MODEL_FILE
from trimtab.artifacts.store import ContentStore
from trimtab.batch import Batch, fed
from trimtab.compress.apply import apply
from trimtab.compress.base import Context
from trimtab.compress.ending import write
from trimtab.config.chains import Chain, Ending
from trimtab.config.config import Config
from trimtab.config.fine_tuning import FineTuning
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.dataset.few import few
from trimtab.models import archive, cost
from trimtab.stages.making import validation
from trimtab.stages.making.brief import BATCH_SIZE, BRIEF, ROWS, short
from trimtab.stages.making.labelled import labelled
from trimtab.stages.making.weighing import Weighing
from trimtab.train import determinism, loop
from trimtab.train.library import KERAS, Library
from trimtab.train.settings import TrainSettings

_STILL = {**BRIEF, "learning_rate": 1e-12}
"""A training of two steps that moves no weight: what a pass does step by step, it does, and nothing else."""


class Untuned:
    """The trained model, and what passes make of it that are not fine-tuned.

    Args:
        config: The resolved config.
        store: The content store.
        model: The reference of the trained model.
        data: The dataset, with its training and validation splits.
        scratch: A directory for a few rows.
    """

    def __init__(self, config: Config, store: ContentStore, model: str, data: Dataset, scratch: Path) -> None:
        determinism.prepare(config.seed)
        self._seed, self._data, self._few = config.seed, data, few(data, ROWS, scratch)
        self._sample: Callable[[int], Batch] = cache(lambda n: data.sample("train", n, config.seed)[0])
        self._store = store
        self._settings = TrainSettings.of(config, data, _STILL)
        self._trained = archive.load(store.open(model, [MODEL_FILE]).path / MODEL_FILE, config.model)
        self._costs = validation.costs(data, config.seed, cost.macs(self._trained))

    def write(self, chain: Chain, directory: Path) -> None:
        """Writes a chain's files.

        Args:
            chain: The chain.
            directory: Where they go.

        Raises:
            CompressionError: If the model cannot take a step.
            TrainingError: If the loss is no number.
        """
        model, context = self._trained, self._context()
        for step in chain.steps:
            model = apply(short(step), model, context)
        ending = Ending(chain.id, chain.quantization, chain.runtime)
        write(model, ending, directory, context, self._costs)

    def _context(self) -> Context:
        return Context(
            seed=self._seed,
            task=self._data.schema.task,
            steps_per_epoch=-(-self._few.rows["train"] // BATCH_SIZE),
            fine_tune=self._fine_tune,
            calibration=lambda n: fed(self._sample(n)),
            say=lambda _text: None,
            labelled=labelled(self._data, self._seed, self._settings.errors),
            validation_loss=validation.loss(self._data, self._seed, self._settings.errors),
            scales=Weighing(self._store, self._sample, self._seed),
        )

    def _fine_tune(
        self, model: Any, tuning: FineTuning, *, callbacks: Sequence[Any] = (), library: Library | None = None
    ) -> None:
        loop.fit(
            model,
            self._few,
            self._settings.for_fine_tuning(tuning),
            label="search",
            callbacks=callbacks,
            library=library or KERAS,
        )
