"""The columns that slices are made by, of validation and test rows: as text, in the order of the records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from trimtab.data.values import values
from trimtab.errors import DataError

SPLITS = ("validation", "test")
"""Those whose rows are judged; training rows are shuffled, and nobody asks."""


class SliceWriter:
    """Gathers the columns of a shard's rows, and leaves them beside it.

    Args:
        directory: The dataset's.
        columns: Their names; none: nothing is written.
        shard: The place of the partition.
    """

    def __init__(self, directory: Path, columns: Sequence[str], shard: int) -> None:
        self._directory, self._columns, self._shard = directory, columns, shard
        self._tables: dict[str, list[pa.Table]] = {split: [] for split in SPLITS}

    def add(self, split: str, batch: pa.RecordBatch, rows: NDArray[np.intp]) -> None:
        """Adds the rows of a batch that were written to a split."""
        if not self._columns or split not in SPLITS or not len(rows):
            return
        indices = pa.array(rows)
        columns = {name: _text(batch.column(name), name).take(indices) for name in self._columns}
        self._tables[split].append(pa.table(columns))

    def close(self) -> None:
        """Writes what was gathered."""
        for split, tables in self._tables.items():
            if tables:
                pq.write_table(
                    pa.concat_tables(tables), self._directory / split / f"slices-{self._shard:05d}.parquet"
                )


def read_slices(folder: Path, columns: Sequence[str]) -> pa.Table:
    """Returns the columns of a split's rows as text, null where a value is missing.

    Args:
        folder: The split's.
        columns: Their names.
    """
    files = sorted(folder.glob("slices-*.parquet"))
    schema = pa.schema([(name, pa.string()) for name in columns])
    return pa.concat_tables([schema.empty_table(), *(pq.read_table(file, columns=columns) for file in files)])


def _text(column: pa.Array, name: str) -> pa.StringArray:
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        raise DataError(
            "its values are bytes, which make no slices", field=name, hint="Name another in budget.slices."
        )
    return values.texts(column)
