"""The ``data.image`` section."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trimtab.config.base import Section


class Image(Section):
    """How images become tensors."""

    height: int | None = Field(None, ge=4, le=1024, description="Pixels; null: the most common height.")
    width: int | None = Field(None, ge=4, le=1024, description="Pixels; null: the most common width.")
    channels: Literal[1, 3] | None = Field(
        None, description="1 grey, 3 RGB; null: grey if every image is grey."
    )
