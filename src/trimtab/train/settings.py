"""What a training run is told: the ``train`` section, the seed, and what a search or a recipe overrides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trimtab.config.config import Config
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.tensorboard import TensorBoard
from trimtab.config.train import NO_WEIGHT, Train


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides what the loop computes, beside the model and the data.

    Attributes:
        train: The ``train`` section, with overrides applied.
        seed: The run's seed: the order of the examples and every random draw derive from it and the epoch.
        tensorboard: What is logged beside losses and metrics; it changes no weights.
    """

    train: Train
    seed: int
    tensorboard: TensorBoard = field(default_factory=TensorBoard)

    @classmethod
    def of(cls, config: Config, overrides: Mapping[str, Any] | None = None) -> TrainSettings:
        """Returns the settings of a config.

        Args:
            config: The resolved config.
            overrides: Fields of the ``train`` section to replace, such as ``{"learning_rate": 0.01}``.
        """
        train = Train.model_validate({**config.train.model_dump(), **(overrides or {})})
        return cls(train, config.seed, config.tensorboard)

    def for_fine_tuning(self, tuning: FineTuning) -> TrainSettings:
        """Returns the settings of a fine-tuning: as much of it is warm-up as of the whole training.

        Args:
            tuning: What a pass says of it.
        """
        train = self.train
        share = train.warmup_epochs / train.epochs if train.epochs else 0.0
        changes = {
            "epochs": tuning.epochs,
            "learning_rate": train.learning_rate * tuning.learning_rate_factor,
            "warmup_epochs": share * tuning.epochs,
            "early_stopping": None,
            "profile": None,
        }
        return replace(self, train=train.model_copy(update=changes))

    @property
    def digest(self) -> str:
        """Returns a checksum of what decides the weights."""
        train = self.train.model_dump_json(exclude=set(NO_WEIGHT))
        return hashlib.sha256(f"{self.seed} {train}".encode()).hexdigest()
