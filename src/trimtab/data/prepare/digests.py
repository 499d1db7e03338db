"""Digests of rows, kept from the first pass for the second: to spell every cell again takes long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trimtab.data.readers.base import Partition
from trimtab.data.values.hashing import DIGEST_BYTES, Digests
from trimtab.errors import DataError


@dataclass(frozen=True)
class KeptDigests:
    """Where the digests of all rows are.

    Attributes:
        directory: Holds a file a partition.
        columns: What they are of.
        spelling: How values were written.
    """

    directory: Path
    columns: frozenset[str]
    spelling: int

    def are_of(self, columns: Iterable[str], spelling: int) -> bool:
        """Returns whether they are the digests of columns in a spelling."""
        return self.columns == frozenset(columns) and self.spelling == spelling

    def write(self, given: str, partition: Partition, digests: Sequence[Digests]) -> None:
        """Keeps the digests of a partition's rows, ``(rows, 32)`` each."""
        np.save(
            self._path(given, partition), np.concatenate([np.empty((0, DIGEST_BYTES), np.uint8), *digests])
        )

    def read(self, given: str, partition: Partition, first: int, rows: int) -> Digests:
        """Returns the digests of some rows of a partition, ``(rows, 32)``.

        Raises:
            DataError: If the partition had fewer rows when they were kept.
        """
        digests: Digests = np.load(self._path(given, partition), mmap_mode="r")[first : first + rows]
        if len(digests) != rows:
            raise DataError(
                "the file was changed while it was read",
                path=partition.source,
                hint="Start again once nothing writes to it.",
            )
        return np.array(digests)

    def _path(self, given: str, partition: Partition) -> Path:
        return self.directory / f"rows-{given}-{partition.index:05d}.npy"
