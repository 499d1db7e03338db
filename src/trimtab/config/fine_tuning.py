"""The parameters that every pass has which trains: how long, how fast, and by whose labels."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from trimtab.config.base import Location, Section
from trimtab.config.parameters import among, between

BASELINE = "baseline"


class Teacher(Section):
    """A model whose answers are mixed into the labels (Hinton et al., "Distilling the Knowledge", 2015)."""

    model: Location = Field(
        BASELINE,
        description="`baseline`: the trained model, before any pass; or a saved `.keras` or `.h5` file, also "
        "`gs://`, `s3://`, that takes and answers what the model does.",
    )
    temperature: float = Field(
        2.0,
        ge=1,
        le=20,
        description="Classification: the teacher's probabilities are taken to the power of 1/temperature.",
        json_schema_extra=between(1, 8),
    )
    alpha: float = Field(
        0.5,
        gt=0,
        le=1,
        description="The teacher's share of a label; the rest is the true one.",
        json_schema_extra=between(0.1, 0.9),
    )


def named_teacher(value: Any) -> Any:
    """Returns the settings of a teacher that is only named."""
    return {"model": value} if isinstance(value, str) else value


class FineTuning(Section):
    """What a fine-tuning may set; everything else is as in the ``train`` section."""

    epochs: int = Field(
        5, ge=1, le=10_000, description="Epochs of fine-tuning.", json_schema_extra=among(1, 2, 5, 10)
    )
    learning_rate_factor: float = Field(
        0.3,
        gt=0,
        le=1,
        description="Times `train.learning_rate`.",
        json_schema_extra=between(0.03, 1, log=True),
    )
    teacher: Annotated[Teacher | None, BeforeValidator(named_teacher)] = Field(
        None,
        description="`baseline`, a saved model, or settings: mixes that model's answers into the labels.",
        json_schema_extra=among(None, "baseline"),
    )
