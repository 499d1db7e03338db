"""Which rows are held out for choices and for the proof: by a share of them, or by folds."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from trimtab.config.base import Location, Section

TEST_SHARE = 0.2
_GAP = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d|w)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Split(Section):
    """How rows go to each side when no separate files are given: by their content, or by their time."""

    validation: float = Field(
        0.1, gt=0, le=0.5, description="Share of the training rows held out for choices."
    )
    test: float = Field(TEST_SHARE, gt=0, le=0.9, description="Share of all rows held out for the proof.")
    by: Literal["content", "time"] = Field(
        "content", description="`time`: the latest rows are the test split, those before them validation."
    )
    column: str | None = Field(
        None, description="By time: when a row happened, ISO dates, timestamps or numbers. It is no input."
    )
    gap: float | str | None = Field(
        None,
        description="By time: rows this close before a later split are left out. `12h`, `1d`, `2w` (s, min, "
        "h, d, w) for dates; a number where the column holds numbers.",
    )

    @model_validator(mode="after")
    def _by_time(self) -> Self:
        if self.by == "time" and self.column is None:
            raise ValueError("by: time needs the column that says when a row happened, as in column: date")
        if self.by != "time" and (self.column is not None or self.gap is not None):
            raise ValueError("column and gap are for by: time")
        _ = self.gap_seconds
        return self

    @property
    def gap_seconds(self) -> float | None:
        """Returns a gap that is a duration; None for one that is a number, or where there is none."""
        if not isinstance(self.gap, str):
            if self.gap is not None and self.gap < 0:
                raise ValueError(f"gap: expected 0 or more, got {self.gap:g}")
            return None
        match = _GAP.fullmatch(self.gap.strip())
        if match is None:
            raise ValueError(f"gap: expected a duration such as 12h, 1d or 2w, or a number; got {self.gap!r}")
        return float(match[1]) * _SECONDS[match[2]]


class Folds(Section):
    """A test on all rows: each fold's by models that have not seen them."""

    folds: int = Field(
        ge=2, le=20, description="The rows are shared out to so many folds, at so many trainings."
    )


def _which_test(value: Any) -> str:
    """Returns which form `test` has."""
    return "shared out" if isinstance(value, dict | Folds) else "source"


TestSetting = Annotated[
    Annotated[Location, Tag("source")] | Annotated[Folds, Tag("shared out")], Discriminator(_which_test)
]
