"""Summaries of many columns of numbers at once: of a wide table, work by the column is what takes time.

Means and variances differ from those of ``ColumnSummary.of`` by rounding, as the order of the sums does; all
else is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trimtab.data.statistics.column import ColumnSummary, are_days, frequent_numbers, name_hash
from trimtab.data.statistics.sketches import Distinct, Hashes, hash_numbers, mix
from trimtab.data.values.values import LARGEST, texts

WIDE = 1_000
"""Columns from which on a table is summarized in blocks."""
_BLOCK_CELLS = 1 << 20
_EXACT = 2.0**53
Floats = npt.NDArray[np.float64]


def block_summaries(
    batch: pa.RecordBatch, places: Sequence[int]
) -> Iterator[tuple[dict[int, ColumnSummary], Hashes]]:
    """Yields summaries of columns by their places, and the sums of the hashes of each row's values, ``(n,)``.

    Columns with a value that is missing, or that is no float32, are not among them.

    Args:
        batch: Rows as a reader gives them.
        places: Of columns that may be summarized so.
    """
    numbers = [place for place in places if _is_number(batch.column(place))] if batch.num_rows else []
    step = max(1, _BLOCK_CELLS // max(1, batch.num_rows))
    for start in range(0, len(numbers), step):
        yield _of_block(batch, numbers[start : start + step])


def _is_number(column: pa.Array) -> bool:
    kind = column.type
    return not column.null_count and bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _of_block(batch: pa.RecordBatch, places: list[int]) -> tuple[dict[int, ColumnSummary], Hashes]:
    columns = [batch.column(place) for place in places]
    matrix = np.empty((len(columns), batch.num_rows))
    for row, column in zip(matrix, columns, strict=True):
        row[:] = np.asarray(column)
    fits = (np.abs(matrix).max(axis=1) < LARGEST) & _are_exact(matrix, columns)
    if not fits.all():
        chosen = np.flatnonzero(fits)
        matrix, columns = matrix[chosen], [columns[at] for at in chosen]
        places = [places[at] for at in chosen]
    if not places:
        return {}, np.zeros(batch.num_rows, np.uint64)
    names = [batch.schema.field(place).name for place in places]
    own = np.array([name_hash(name) for name in names], np.uint64)[:, None]
    of_rows = mix(hash_numbers(matrix.ravel()).reshape(matrix.shape) ^ own).sum(axis=0, dtype=np.uint64)
    return dict(zip(places, _summaries(matrix, columns, batch.num_columns), strict=True)), of_rows


def _are_exact(matrix: Floats, columns: list[pa.Array]) -> npt.NDArray[np.bool_]:
    """Returns which columns have no whole number that float64 rounds."""
    is_whole = np.array([pa.types.is_integer(column.type) for column in columns])
    return np.asarray(~is_whole | (np.abs(matrix).max(axis=1) < _EXACT))


def _summaries(matrix: Floats, columns: list[pa.Array], width: int) -> Iterator[ColumnSummary]:
    """Yields the summary of each row of a matrix, which is a column of a batch."""
    rows = matrix.shape[1]
    ordered = np.sort(matrix, axis=1)
    is_new = np.ones(ordered.shape, bool)
    is_new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.flatnonzero(is_new)
    weights = np.diff(first, append=ordered.size)
    hashes = hash_numbers(ordered.ravel()[first])
    ends = np.concatenate([[0], np.cumsum(is_new.sum(axis=1))])
    integers = (matrix == np.rint(matrix)).sum(axis=1)
    means = matrix.mean(axis=1)
    m2 = np.square(matrix - means[:, None]).sum(axis=1)
    most = frequent_numbers(width)
    for at, (start, stop) in enumerate(pairwise(ends.tolist())):
        summary = ColumnSummary.of_numbers(columns[at].type, rows, width)
        summary.integers, summary.mean, summary.m2 = int(integers[at]), float(means[at]), float(m2[at])
        summary.minimum, summary.maximum = float(ordered[at, 0]), float(ordered[at, -1])
        summary.days = int(are_days(ordered[at]).sum())
        counts = weights[start:stop]
        summary.distinct = Distinct.of_different(hashes[start:stop], counts, summary.distinct.size)
        if stop - start <= most:
            unique = pa.array(ordered.ravel()[first[start:stop]]).cast(columns[at].type)
            summary.frequent.add(zip(texts(unique).to_pylist(), counts.tolist(), strict=True))
        else:
            summary.frequent.error = int(counts.max())
        yield summary
