"""A Keras model, as it was trained or after a step of a recipe, and its score on each validation example."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from trimtab.artifacts.evaluation import Cost
from trimtab.artifacts.hyperparameters import Hyperparameters
from trimtab.artifacts.store import ContentStore
from trimtab.artifacts.traits import Traits

KIND, MODEL_FILE, SCORES_FILE = "model", "model.keras", "validation_scores.npy"

Epoch = dict[str, float]
"""What was measured of one epoch, by name; ``epoch``, from 1, among it."""


class ModelLineage(BaseModel):
    """What a model was made from.

    Attributes:
        dataset: The reference of the dataset.
        hyperparameters: The reference of what the trained model, its ancestor, was built with.
        parent: The reference of the model that a step of a recipe was applied to; empty for a trained one.
        trained: The reference of the trained model that it comes from; empty for a trained one.
        folds: The references of the trained models of the other folds, in their order, if it is the first's.
    """

    dataset: str
    hyperparameters: str
    parent: str = ""
    trained: str = ""
    folds: list[str] = []


class ModelSummary(BaseModel):
    """What is known of any model.

    Attributes:
        cost: Counted on the model.
        traits: What earlier steps made of it, and later ones have to keep.
        history: Every epoch of the training, or of the step's fine-tuning.
        runtime: What the model's files are of, where it came in those of a runtime; else it is a Keras model.
    """

    weights_sha256: str
    cost: Cost
    traits: Traits = Traits()
    history: list[Epoch] = []
    runtime: str = ""


class AsItCame(BaseModel):
    """A saved model's quality on validation examples, before anything is trained."""

    task: str = Field(description="The task, such as `classification`.")
    metric: str = Field(description="The metric that the budget limits; an error is in the label's unit.")
    value: float = Field(description="The metric.")
    examples: int = Field(description="The first of the validation split.")
    warning: str = Field("", description="What seems to be wrong with how it is taken; empty: nothing.")
    better_input: str = Field(
        "", description="The `model.input` that it seems to expect; empty: it is fed that."
    )
    better_classes: list[str] = Field(
        [], description="The `model.classes` that it seems to have; empty: it is taken so."
    )


class TrainSummary(ModelSummary):
    """What the report shows of ``train``.

    Attributes:
        best_epoch: The epoch whose weights were kept, where it was not simply the last.
        validation: Metrics of the kept weights on the validation split.
        hyperparameters: What the model was built and trained with.
        warnings: What a person should look at.
        start: What training started from: ``champion v3``, ``scratch``, or nothing to be said.
        start_reason: Why.
        as_it_came: What an archive was worth before it was trained.
    """

    best_epoch: int | None = None
    stopped_early: bool = False
    validation: dict[str, float] = {}
    seconds_per_epoch: float = 0.0
    hyperparameters: Hyperparameters = Hyperparameters()
    warnings: list[str] = []
    start: str = ""
    start_reason: str = ""
    as_it_came: AsItCame | None = None


def folds(store: ContentStore, ref: str) -> list[str]:
    """Returns the references of the trained models of all folds, the given one first.

    Args:
        store: The content store.
        ref: The reference of the trained model that tasks hand on.
    """
    return [ref, *ModelLineage.model_validate(store.open(ref, []).lineage).folds]


def write_scores(directory: Path, scores: NDArray[np.float32]) -> None:
    """Writes a score for every validation example, ``(n,)``."""
    np.save(directory / SCORES_FILE, scores)


def read_scores(store: ContentStore, ref: str) -> NDArray[np.float32]:
    """Returns the scores on the validation examples, ``(n,)``: see ``train.scores.validation_scores``."""
    path = store.open(ref, [SCORES_FILE]).path
    return np.asarray(np.load(path / SCORES_FILE, allow_pickle=False))
