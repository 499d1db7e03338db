"""The ``retrain`` section: what new data does to the model in service, and what a new model must prove."""

from __future__ import annotations

from pydantic import Field

from trimtab.config.base import Section


class Drift(Section):
    """From where on new data counts as drifted: the test rejects, and one of the sizes is past its limit."""

    max_psi: float = Field(
        0.2, gt=0, le=10, description="Population stability index of a feature; 0.2 is a marked shift."
    )
    max_shift_sd: float = Field(
        0.2, gt=0, le=10, description="Numbers: how far the mean may move, in standard deviations."
    )
    max_share_ratio: float = Field(
        1.5, gt=1, le=100, description="How many times as frequent, or as rare, a value or a gap may become."
    )
    least_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="`max_share_ratio` counts for values that have this share before or now.",
    )
    significance: float = Field(
        0.01, gt=0, lt=0.5, description="Chance of a false alarm, over all features together."
    )


class Retrain(Section):
    """Retraining on new data, and what a model must prove to replace another, in `trimtab run` too."""

    epochs: int | None = Field(
        None, ge=1, le=10_000, description="Epochs of a retraining; null: `train.epochs`."
    )
    confidence: float = Field(
        0.95, gt=0.5, lt=1, description="One-sided confidence of champion against challenger."
    )
    max_accuracy_drop: float | None = Field(
        None, gt=0, lt=1, description="What 'not worse' tolerates, classification; null: the budget's."
    )
    max_error_increase: float | None = Field(
        None, gt=0, lt=10, description="What 'not worse' tolerates, regression; null: the budget's."
    )
    cheaper_by: float = Field(
        0.05, gt=0, lt=1, description="Share by which 'cheaper' is lower in size or latency (retraining.md)."
    )
    drift: Drift = Drift()
