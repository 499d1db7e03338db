"""Rows that are on two sides, counted with flat memory however many rows there are.

Each partition leaves the sorted 64-bit hashes of its rows' features in a file; the count takes one range of
hashes after the other from all files. Of n rows two different ones share a hash with a probability of about
n^2 / 2^65, one in thirty thousand for 2^25 rows, and what depends on it is a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trimtab.data.values.hashing import Digests

Hashes = npt.NDArray[np.uint64]
_RANGE_ROWS = 1 << 20


def write_hashes(path: Path, digests: Sequence[Digests]) -> None:
    """Writes the hashes of a partition's rows, sorted.

    Args:
        path: The file, which ends in ``.npy``.
        digests: The digests of the rows' features, ``(rows, 32)`` each.
    """
    parts = [np.ascontiguousarray(part[:, 16:24]).view("<u8")[:, 0] for part in digests]
    hashes = np.concatenate([np.empty(0, np.uint64), *parts])
    hashes.sort()
    np.save(path, hashes)


def count_shared(first: Sequence[Path], second: Sequence[Path]) -> int:
    """Returns how many rows of ``second`` are also in ``first``; both are lists of files of hashes."""
    sides = [[np.load(file, mmap_mode="r") for file in files] for files in (first, second)]
    rows = sum(len(part) for parts in sides for part in parts)
    ranges = max(1, -(-rows // _RANGE_ROWS))
    edges = [int(edge) for edge in np.linspace(0, 1, ranges + 1)[1:-1] * 2.0**64]
    shared = 0
    for low, high in zip([0, *edges], [*edges, None], strict=True):
        left, right = (_between(parts, low, high) for parts in sides)
        shared += int(np.isin(right, left).sum())
    return shared


def _between(parts: Sequence[Hashes], low: int, high: int | None) -> Hashes:
    chosen = [np.empty(0, np.uint64)]
    for part in parts:
        start = np.searchsorted(part, np.uint64(low))
        stop = len(part) if high is None else np.searchsorted(part, np.uint64(high))
        chosen.append(np.asarray(part[start:stop]))
    return np.concatenate(chosen)
