"""Removes from the content store what no run has used for long.

A run leaves word of an entry before it looks for it, so what a run uses now is young. What is removed while a
run begins to use it is made anew when that run goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.artifacts.store import STORE, USES
from trimtab.errors import ArtifactError
from trimtab.storage.artifact import MANIFEST, Manifest
from trimtab.storage.store import Store, open_store


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
    """Removes every entry that was made, and used last, longer ago than so many seconds.

    Args:
        output: The URI of the directory that holds the runs' directories, and the store.
        unused_s: The seconds.
        dry_run: Whether to remove nothing.

    Returns:
        What is removed, sorted.

    Raises:
        StorageError: If storage refuses.
    """
    store, entries, used = open_store(output), dict[str, float](), dict[str, float]()
    for name, age_s in store.ages().items():
        place, *rest = name.split("/")
        if place == STORE and len(rest) > 2:
            _keep_least(entries, "/".join(rest[:2]), age_s)
        elif len(rest) == 3 and rest[0] == USES:
            _keep_least(used, "/".join(rest[1:]), age_s)
    old = sorted(ref for ref, age_s in entries.items() if min(age_s, used.get(ref, age_s)) > unused_s)
    swept = [Swept(ref, _size(store, ref)) for ref in old]
    for ref in [] if dry_run else old:
        store.remove_directory(f"{STORE}/{ref}")
    return swept


def _keep_least(ages: dict[str, float], ref: str, age_s: float) -> None:
    ages[ref] = min(age_s, ages.get(ref, age_s))


def _size(store: Store, ref: str) -> int:
    try:
        content = store.read(f"{STORE}/{ref}/{MANIFEST}")
        manifest = Manifest.model_validate_json(content or b"")
    except (ArtifactError, ValueError):
        return 0
    return sum(entry.size_bytes for entry in manifest.files.values())
