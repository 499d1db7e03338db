"""The ``train`` section: how long, with what optimizer, and how augmented."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PositiveInt, field_validator, model_validator

from trimtab.config.base import Section
from trimtab.config.fine_tuning import BASELINE, Teacher, named_teacher

Schedule = Literal["constant", "cosine"]
_USUAL_EPOCHS = 20
NO_WEIGHT = ("checkpoint_seconds", "profile")
"""Fields of the section that change no weights."""

ErrorLoss = Literal["absolute", "squared", "huber"]
OptimizerName = Literal["adam", "adamw", "sgd", "rmsprop"]


class Augment(Section):
    """Random changes to training images, drawn from the seed and the epoch alone."""

    flip_horizontal: bool = Field(False, description="Mirror half of the images.")
    crop_padding: int = Field(0, ge=0, le=64, description="Pixels of zero padding before a random crop.")
    brightness: float = Field(
        0.0, ge=0, le=1, description="Largest brightness change, in units of the full range."
    )
    contrast: float = Field(0.0, ge=0, lt=1, description="Contrast factors are drawn from 1 ± this.")


class EarlyStopping(Section):
    """Stop when the validation loss no longer improves, and restore the best weights."""

    patience: int = Field(5, ge=1, description="Epochs without improvement before stopping.")
    min_delta: float = Field(0.0, ge=0, description="Smaller improvements do not count.")


class Train(Section):
    """How the model is trained."""

    epochs: int | None = Field(
        None,
        ge=0,
        le=10_000,
        description="0: an archive stays as it came; null: 20, of tables and texts 20 to 200, the more the "
        "fewer rows there are, and the epoch of the lowest validation loss is kept.",
    )
    fine_tuning: bool = Field(
        True, description="Whether passes may train; without training rows `trimtab compress` says no."
    )
    batch_size: int = Field(64, ge=1, le=65_536)
    optimizer: OptimizerName = "adam"
    loss: ErrorLoss | None = Field(
        None,
        description="Regression: by which errors it learns; `huber`: squared ones up to a standard deviation "
        "of the label, absolute ones from there. null: `squared` where `budget` has limits of `rmse` or `r2` "
        "and none of the mean absolute error, else `absolute`.",
    )
    learning_rate: float = Field(1e-3, gt=0, le=10)
    momentum: float = Field(0.9, ge=0, lt=1, description="For sgd and rmsprop.")
    weight_decay: float = Field(0.0, ge=0, lt=1)
    schedule: Schedule = "cosine"
    warmup_epochs: float = Field(0.0, ge=0, description="Epochs of linear warm-up from zero.")
    freeze: bool = Field(
        False,
        description="Of a preset, an archive or a builder's model: train only the last layer with weights, "
        "of several outputs that of each.",
    )
    unfreeze_after: float | None = Field(
        None, gt=0, description="With freeze: epochs after which all are; null: they stay as they came."
    )
    first_layer_rate: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Layer-wise rates: what share of the learning rate the first layer with weights has. "
        "Those between it and the last have shares in geometric progression.",
    )
    augment: Augment = Augment()
    class_weight: Literal["balanced"] | dict[str, float] | None = Field(
        None, description="`balanced`, or a weight per class name."
    )
    early_stopping: EarlyStopping | None = None
    teacher: Annotated[Teacher | None, BeforeValidator(named_teacher)] = Field(
        None,
        description="A saved model, or settings: mixes that model's answers into the labels, so that a "
        "smaller architecture, or a model of your own, learns from a larger one.",
    )
    mixed_precision: bool = Field(False, description="bfloat16 on CPU, float16 with loss scaling on GPU.")
    checkpoint_seconds: float = Field(
        30.0, gt=0, description="Least time between checkpoints inside an epoch."
    )
    profile: list[PositiveInt] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="Steps of the training to profile for TensorBoard, the first and the last, such as "
        "`[10, 20]`. A training that is used again is not profiled.",
    )

    @property
    def most_epochs(self) -> int:
        """Returns after how many epochs it ends at the latest."""
        return _USUAL_EPOCHS if self.epochs is None else self.epochs

    @field_validator("teacher")
    @classmethod
    def _is_there_before(cls, value: Teacher | None) -> Teacher | None:
        if value is not None and value.model == BASELINE:
            raise ValueError("expected a saved model: the baseline is what is trained here")
        return value

    @model_validator(mode="after")
    def _is_frozen_first(self) -> Self:
        if self.unfreeze_after is not None and not self.freeze:
            raise ValueError("unfreeze_after: nothing is frozen; set freeze: true")
        return self

    @field_validator("profile")
    @classmethod
    def _first_before_last(cls, steps: list[int] | None) -> list[int] | None:
        if steps is not None and steps[0] > steps[1]:
            raise ValueError(f"expected the first step before the last, got {steps}")
        return steps
