"""The ``deploy`` section: where the chosen model goes."""

from __future__ import annotations

from pydantic import Field

from trimtab.config.base import Location, Section


class Deploy(Section):
    """The versioned model repository."""

    target: Location | None = Field(
        None, description="The repository's directory; null: `deployed/<name>` in the output directory."
    )
