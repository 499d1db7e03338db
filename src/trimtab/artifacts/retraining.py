"""What new data did to the model in service: what ``check_data`` finds, and how a retraining went on."""

from __future__ import annotations

from pydantic import BaseModel, Field

from trimtab.artifacts.comparison import Comparison, Forced, Judged
from trimtab.data.champion.changes import Changes
from trimtab.data.champion.drift import DriftReport


class Retraining(BaseModel):
    """What new data did to the model in service."""

    needed: bool = Field(description="Whether there was a reason to retrain.")
    reasons: list[str] = Field(description="Why, or why not, in words.")
    changes: Changes | None = Field(None, description="What changed in the sources; null when not known.")
    champion: int | None = Field(None, description="The version in service that it began with.")
    schema_changes: list[str] = Field([], description="What differs from the champion's schema, in words.")
    drift: DriftReport | None = Field(None, description="Drift against the champion's training data.")
    start: str | None = Field(None, description="What training started from: `champion v3` or `scratch`.")
    start_reason: str = Field("", description="Why.")
    comparison: Comparison | None = Field(None, description="Champion against challenger.")
    judged: Judged | None = Field(
        None, description="What came of this data before, against the same champion; then nothing is needed."
    )
    forced: Forced | None = Field(None, description="Who forced it.")
