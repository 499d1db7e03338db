"""Which validation and test rows belong together, so that no bound takes them for independent.

With ``data.group_by`` those are the rows of a group, whose numbers stand beside the records. Without it they
are exact copies: rows of one input. The split draws inputs, and all rows of one are on the same side; so a
split is a sample of inputs, in which a copy brings nothing new, be it an image, a clip, a text or a row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trimtab.data.values.hashing import Digests
from trimtab.errors import ArtifactError

GROUPED = ("validation", "test")
"""The splits that are judged."""

Groups = NDArray[np.int64]


class GroupWriter:
    """Gathers the groups of a shard's rows, and leaves them beside it.

    Args:
        directory: The dataset's.
        shard: The place of the partition.
    """

    def __init__(self, directory: Path, shard: int) -> None:
        self._directory, self._shard = directory, shard
        self._numbers: dict[str, list[Groups]] = {split: [] for split in GROUPED}

    def add(self, split: str, groups: Digests) -> None:
        """Adds the groups of rows that were written to a split, as digests, ``(n, 32)``."""
        if split in GROUPED and len(groups):
            self._numbers[split].append(np.ascontiguousarray(groups[:, :8]).view("<i8")[:, 0])

    def close(self) -> None:
        """Writes what was gathered."""
        for split, parts in self._numbers.items():
            if parts:
                np.save(self._directory / split / f"groups-{self._shard:05d}.npy", np.concatenate(parts))


def read_groups(folder: Path, rows: int) -> Groups | None:
    """Returns the group of each row of a split, ``(rows,)``, or None where no column grouped them.

    Raises:
        ArtifactError: If there are not as many as rows.
    """
    parts = [np.load(file, allow_pickle=False) for file in sorted(folder.glob("groups-*.npy"))]
    if not parts:
        return None
    groups = np.concatenate(parts)
    if len(groups) != rows:
        raise ArtifactError(f"expected the groups of {rows} rows, found {len(groups)}", path=str(folder))
    return np.asarray(groups, np.int64)


def copies(blocks: Iterable[NDArray[np.generic]]) -> Groups | None:
    """Returns a number for each row's input, ``(rows,)``, or None where no two are the same.

    Args:
        blocks: Inputs as they are stored, ``(n, ...)`` each.
    """
    digests = [_digest(row) for block in blocks for row in np.ascontiguousarray(block)]
    numbers = np.frombuffer(b"".join(digests), np.int64)
    return numbers if len(np.unique(numbers)) < len(numbers) else None


def _digest(row: NDArray[np.generic]) -> bytes:
    return hashlib.blake2b(row.tobytes(), digest_size=8).digest()
