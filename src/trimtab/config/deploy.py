"""The ``deploy`` section: where the chosen model goes."""

from __future__ import annotations

from pydantic import Field

from trimtab.config.base import Section


class Deploy(Section):
    """The versioned model repository."""

    target: str | None = Field(
        None, description="The repository's directory; null: `deployed/<name>` in the output directory."
    )
