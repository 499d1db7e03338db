"""One attack: how its files are made, and how they are opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Make = Callable[[Path, Path], None]
"""Takes the directory of the files, and one that nothing may write to."""


@dataclass(frozen=True)
class Bomb:
    """An attack.

    Attributes:
        name: What it is called.
        make: Makes it.
        open: Opens it, as a dry run does.
        is_refused: Whether it must be; else it may be read, if that costs little.
        library_seconds: What importing libraries takes of a processor, in the processes that open it.
    """

    name: str
    make: Make
    open: Callable[[Path], Any]
    is_refused: bool = True
    library_seconds: float = 0.0


def dry_run(config: Path) -> None:
    """Does what ``trimtab run CONFIG --dry-run`` does."""
    from trimtab.config import loader
    from trimtab.stages.preview import preview

    preview(loader.load(config))
