"""The ``search`` section: how far ``recipes: auto`` looks."""

from __future__ import annotations

from pydantic import Field

from trimtab.config.base import Section


class Search(Section):
    """What `recipes: auto` may spend. It is guided by validation rows, never by test rows."""

    max_candidates: int = Field(
        8, ge=1, le=64, description="Candidates at most that it hands on, to be tested beside the baseline."
    )
    max_epochs: int = Field(
        60, ge=0, le=100_000, description="Epochs of fine-tuning at most, of all that it tries together."
    )
    max_minutes: float | None = Field(
        None,
        gt=0,
        description="After so many minutes of work it begins nothing new; null: it ends by `max_epochs`.",
    )
