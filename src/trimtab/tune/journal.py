"""The journal of a search: one checksummed file for every trial that has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trimtab.errors import ArtifactError
from trimtab.storage import atomic
from trimtab.train.checkpoint import Checkpoint, decode, encode


@dataclass(frozen=True)
class Entry:
    """How a trial ended.

    Attributes:
        trial: The trial's id.
        values: The hyper-parameters by name, KerasTuner's own (``tuner/...``) among them.
        score: The objective's value, or None when the trial failed.
        reason: Why it failed.
        seconds: How long it took.
        history: The epochs, as in ``history.json``.
    """

    trial: str
    values: dict[str, Any]
    score: float | None
    reason: str = ""
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


class Journal:
    """The entries of one search in one directory.

    Args:
        directory: Where they are.
        binding: What the search is: entries of another search are not used.
        say: Reports one line, when an entry cannot be used.
    """

    def __init__(self, directory: Path, binding: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._directory, self._binding, self._say = directory, dict(binding), say

    def write(self, entry: Entry) -> None:
        """Adds an entry."""
        atomic.write_bytes(self._file(entry.trial), encode(Checkpoint(asdict(entry), {}), self._binding))

    def read(self, trial: str, values: Mapping[str, Any]) -> Entry | None:
        """Returns how a trial ended, or None when it is to be run.

        Args:
            trial: The trial's id.
            values: Its hyper-parameters now; an entry with others is not used.
        """
        file = self._file(trial)
        if not file.is_file():
            return None
        try:
            content, binding = decode(file)
        except ArtifactError as error:
            self._say(f"the record of trial {trial} is damaged, it runs again: {error.message}")
            return None
        entry = Entry(**content.meta) if binding == self._binding else None
        if entry is None or entry.values != dict(values):
            self._say(f"the record of trial {trial} is of another search, it runs again")
            return None
        return entry

    def _file(self, trial: str) -> Path:
        return self._directory / f"{trial}.trial"
