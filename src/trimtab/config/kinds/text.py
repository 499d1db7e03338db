"""The ``data.text`` section."""

from __future__ import annotations

from pydantic import Field

from trimtab.config.base import Section


class Text(Section):
    """How free text becomes tokens."""

    vocabulary_size: int = Field(
        10_000, ge=10, le=1_000_000, description="Most frequent training tokens kept, or pieces of them."
    )
    max_tokens: int | None = Field(None, ge=2, le=4096, description="Null: the 95th percentile of lengths.")
