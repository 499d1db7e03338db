"""What a tool makes of a model, as the benchmarks beside peers take it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Made:
    """A file and who made it how.

    Attributes:
        tool: Who.
        recipe: How, in the tool's own words.
        runtime: What runs it.
        make: Writes the runtime's files into a directory.
    """

    tool: str
    recipe: str
    runtime: str
    make: Callable[[Path], None]

    @property
    def name(self) -> str:
        """Returns what tells it from the others."""
        return f"{self.tool} {self.recipe} {self.runtime}"
