"""Removes from the content store what no run has used for long.

A run leaves word of an entry before it looks for it. As long as it is at work (it has not ended, or something
in its directory is young) it keeps what it uses, however old that is. So does one that was killed and may go
on: its entries go when its directory is removed, or once it has ended. What an entry was made from may go
before it does: nobody needs it to read the entry, and whoever asks the same again makes it again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from trimtab.artifacts.store import STORE, USES
from trimtab.errors import ArtifactError
from trimtab.storage.artifact import MANIFEST, Manifest
from trimtab.storage.store import Store, open_store

RESULT = "result.json"
_AT_WORK_S = 3600.0
"""A run at work writes logs and checkpoints every few seconds, and a record after every entry."""


@dataclass(frozen=True)
class Swept:
    """An entry that is removed.

    Attributes:
        ref: Its reference.
        size_bytes: What its files take; 0 where it is cut or damaged.
    """

    ref: str
    size_bytes: int


def sweep(output: str, unused_s: float, *, dry_run: bool = False) -> list[Swept]:
    """Removes every entry that was made, and used last, longer ago than so many seconds, and no run needs.

    Args:
        output: The URI of the directory that holds the runs' directories, and the store.
        unused_s: The seconds.
        dry_run: Whether to remove nothing.

    Returns:
        What is removed, sorted.

    Raises:
        StorageError: If storage refuses.
    """
    store, entries, runs = open_store(output), dict[str, float](), dict[str, _Run]()
    for name, age_s in store.ages().items():
        place, *rest = name.split("/")
        if place == STORE and len(rest) > 2:
            ref = "/".join(rest[:2])
            entries[ref] = min(age_s, entries.get(ref, age_s))
        elif place != STORE:
            runs.setdefault(place, _Run()).add("/".join(rest), age_s)
    used = {ref for run in runs.values() for ref in run.needs(unused_s)}
    old = sorted(ref for ref, age_s in entries.items() if age_s > unused_s and ref not in used)
    swept = [Swept(ref, _size(store, ref)) for ref in old]
    for ref in [] if dry_run else old:
        store.remove_directory(f"{STORE}/{ref}")
    return swept


@dataclass
class _Run:
    """What is known of a run.

    Attributes:
        uses: The seconds since it left word that it uses an entry, by reference.
        youngest_s: The seconds since anything in its directory was written.
        has_ended: Whether it has a result; a run that goes on may have one of before.
    """

    uses: dict[str, float] = field(default_factory=dict)
    youngest_s: float = math.inf
    has_ended: bool = False

    def add(self, name: str, age_s: float) -> None:
        """Takes note of an object in its directory."""
        self.youngest_s = min(self.youngest_s, age_s)
        self.has_ended = self.has_ended or name == RESULT
        if name.startswith(f"{USES}/"):
            self.uses[name.removeprefix(f"{USES}/")] = age_s

    def needs(self, unused_s: float) -> list[str]:
        """Returns the entries that it uses, or has used within so many seconds."""
        if not self.has_ended or self.youngest_s < _AT_WORK_S:
            return list(self.uses)
        return [ref for ref, age_s in self.uses.items() if age_s <= unused_s]


def _size(store: Store, ref: str) -> int:
    try:
        content = store.read(f"{STORE}/{ref}/{MANIFEST}")
        manifest = Manifest.model_validate_json(content or b"")
    except (ArtifactError, ValueError):
        return 0
    return sum(entry.size_bytes for entry in manifest.files.values())
