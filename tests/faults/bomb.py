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


def write_run(place: Path, model: str, rest: str) -> None:
    """Writes a table, and a config whose section ``model`` and last lines are given."""
    rows = "".join(f"{i % 7},{i % 5},{i % 3},{i % 11},{'ab'[i % 2]}\n" for i in range(400))
    (place / "rows.csv").write_text(f"a,b,c,d,label\n{rows}")
    (place / "run.yaml").write_text(
        f"data: {{train: rows.csv, label: label, workers: 1}}\nmodel: {model}\ntrain: {{epochs: 0}}\n{rest}"
    )


def adopted(place: Path, spec: Any) -> None:
    """Opens a model of a runtime, or a SavedModel, as a dry run does it and then a run for its baseline."""
    from trimtab.config import loader
    from trimtab.config.brought import is_saved_model
    from trimtab.runtimes import adopting, sources
    from trimtab.stages.model_form import form_of, with_keras

    config = loader.load(place / "run.yaml")
    archive, limits = str(config.model.archive), config.model.limits
    form_of(config.model)
    serving = sources.own_runtime(archive)
    assert serving is not None
    (place / "adopted").mkdir()
    memory_mb = (with_keras(limits) if is_saved_model(archive) else limits).memory_mb
    with sources.fetched(archive) as source:
        adopting.adopt(
            serving,
            source,
            place / "adopted",
            spec,
            seconds=limits.seconds,
            memory_bytes=memory_mb << 20,
        )
