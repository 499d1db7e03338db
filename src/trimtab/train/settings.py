"""What a training run is told: the ``train`` section, the seed, and what a search or a recipe overrides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any

from trimtab.config.config import Config
from trimtab.config.errors_learnt import errors_learnt
from trimtab.config.fine_tuning import FineTuning
from trimtab.config.tensorboard import TensorBoard
from trimtab.config.train import NO_WEIGHT, EarlyStopping, Train
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.kinds.registry import input_kind
from trimtab.errors import ConfigError
from trimtab.tasks.of_labels import meant
from trimtab.tasks.registry import task

_MOST_EPOCHS, _PATIENCE = 200, 0.3
"""Where none are given: how many they become on few rows, and the share of them that may bring nothing."""


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides what the loop computes, beside the model and the data.

    Attributes:
        train: The ``train`` section, with overrides applied.
        seed: The run's seed: the order of the examples and every random draw derive from it and the epoch.
        tensorboard: What is logged beside losses and metrics; it changes no weights.
        errors: By which errors numbers are learnt, by label.
    """

    train: Train
    seed: int
    tensorboard: TensorBoard = field(default_factory=TensorBoard)
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config, data: Dataset, overrides: Mapping[str, Any] | None = None) -> TrainSettings:
        """Returns the settings of a config; where it has no epochs, they follow from the data.

        Args:
            config: The resolved config.
            data: What is trained on.
            overrides: Fields of the ``train`` section to replace, such as ``{"learning_rate": 0.01}``.

        Raises:
            ConfigError: If it names errors to learn by, and no label is a number.
        """
        if config.train.loss is not None and not any(_numeric(data)):
            raise ConfigError(
                f"train.loss is {config.train.loss}, and what is learnt is {meant(data.schema).name}",
                field="train.loss",
                hint="It is for labels that are numbers: leave it out, or say data.task: regression.",
            )
        train = Train.model_validate({**config.train.model_dump(), **(overrides or {})})
        errors = errors_learnt(train, config.budget)
        return cls(_settled(train, data), config.seed, config.tensorboard, errors)

    def for_fine_tuning(self, tuning: FineTuning) -> TrainSettings:
        """Returns the settings of a fine-tuning: as much of it is warm-up as of the whole training.

        All layers learn, at one rate: what a pass changed is in all of them.

        Args:
            tuning: What a pass says of it.
        """
        train = self.train
        share = train.warmup_epochs / train.most_epochs if train.most_epochs else 0.0
        changes = {
            "epochs": tuning.epochs,
            "learning_rate": train.learning_rate * tuning.learning_rate_factor,
            "warmup_epochs": share * tuning.epochs,
            "early_stopping": None,
            "profile": None,
            "freeze": False,
            "unfreeze_after": None,
            "first_layer_rate": 1.0,
        }
        return replace(self, train=train.model_copy(update=changes))

    @property
    def digest(self) -> str:
        """Returns a checksum of what decides the weights."""
        train = self.train.model_dump_json(exclude=set(NO_WEIGHT))
        return hashlib.sha256(f"{self.seed} {train} {sorted(self.errors.items())}".encode()).hexdigest()


def _numeric(data: Dataset) -> list[bool]:
    """Returns of each label whether it is a number."""
    schema = data.schema
    return [task(part.task).meaning.is_numeric for part in (schema.parts or {"": schema}).values()]


def _settled(train: Train, data: Dataset) -> Train:
    """Returns the section with its epochs, and what is kept of them.

    On few rows a fixed number of epochs is a number of steps in which nothing is learnt, and on noisy ones it
    is so many that noise is: so there are enough steps, and the validation rows say which epoch was enough.
    """
    least = input_kind(data.schema.input.kind).least_steps
    if train.epochs is not None or least is None:
        return train
    steps = ceil(data.rows["train"] / train.batch_size)
    epochs = min(max(ceil(least / steps), train.most_epochs), _MOST_EPOCHS)
    stopping = train.early_stopping or EarlyStopping(patience=ceil(_PATIENCE * epochs))
    return train.model_copy(update={"epochs": epochs, "early_stopping": stopping})
