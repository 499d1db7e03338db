"""What every section of the config has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of the config: unknown fields are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)
