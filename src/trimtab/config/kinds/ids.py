"""The ``data.ids`` section."""

from __future__ import annotations

from pydantic import Field

from trimtab.config.base import Section


class Ids(Section):
    """How columns of ids become numbers, each of a vector that is learned."""

    vocabulary_size: int = Field(
        100_000,
        ge=1,
        le=10_000_000,
        description="Most frequent training ids that have a number of their own.",
    )
    shared: int = Field(
        1, ge=1, le=1_000_000, description="Numbers that all other ids share, new ones among them, by a hash."
    )
    separator: str = Field("|", min_length=1, description="What stands between the ids of a row.")
    max_ids: int | None = Field(
        None, ge=1, le=4096, description="The last ids of a row are kept; null: the 95th percentile."
    )
