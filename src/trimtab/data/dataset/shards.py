"""Writes the shards of one partition, with little in memory at a time."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from trimtab.data.dataset.records import Layout

Array = npt.NDArray[Any]
_HELD_BYTES = 16 << 20
_ENCODED_BYTES = 2 << 20


class ShardWriter:
    """Writes a file of records that appears when the first rows do; use it as a context.

    Args:
        path: The file.
        layout: The layout of its records.
        shuffle: Shuffles rows, as far as some 16 MiB of them are held at a time; None keeps their order.
    """

    def __init__(self, path: Path, layout: Layout, shuffle: np.random.Generator | None) -> None:
        self.rows = 0
        self._path, self._layout, self._shuffle = path, layout, shuffle
        self._held: list[tuple[Array, Array]] = []
        self._held_bytes = 0
        self._file: IO[bytes] | None = None

    def write(self, x: Array, y: Array) -> None:
        """Adds examples.

        Args:
            x: Stored tensors, ``(n, *shape)``.
            y: Labels, ``(n, *y_shape)``.
        """
        if not len(y):
            return
        raw = np.ascontiguousarray(x).reshape(len(y), -1).view(np.uint8)
        self._held.append((raw, y))
        self._held_bytes += raw.nbytes
        if self._held_bytes >= _HELD_BYTES:
            self._flush()

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        try:
            if kind is None and self._held:
                self._flush()
        finally:
            if self._file is not None:
                self._file.close()

    def _flush(self) -> None:
        x, y = (np.concatenate(parts) for parts in zip(*self._held, strict=True))
        self._held, self._held_bytes = [], 0
        order = np.arange(len(y)) if self._shuffle is None else self._shuffle.permutation(len(y))
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("wb")
        step = max(1, _ENCODED_BYTES // max(self._layout.x_bytes, 1))
        for start in range(0, len(y), step):
            rows = order[start : start + step]
            self._file.write(self._layout.encode(x[rows], y[rows]))
        self.rows += len(y)
