"""Summaries of many columns of numbers at once: of a wide table, work by the column is what takes time.

Means and variances differ from those of ``ColumnSummary.of`` by rounding, as the order of the sums does; all
else is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from trimtab.cpus import threads
from trimtab.data.statistics.column import ColumnSummary, are_days, frequent_numbers
from trimtab.data.statistics.gaps import Gapped
from trimtab.data.statistics.sketches import Counts, Distinct, Hashes, hash_numbers, hash_strings, mix
from trimtab.data.values.dates import FIRST_DIGITS
from trimtab.data.values.plain import plain_columns
from trimtab.data.values.tally import plain_tallies
from trimtab.data.values.values import LARGEST, texts

WIDE = 1_000
"""Columns from which on a table is summarized in blocks."""
_BLOCK_CELLS = 1 << 20
_EXACT = 2.0**53
Floats = npt.NDArray[np.float64]
_Cell = TypeVar("_Cell", np.float64, np.uint64)


def block_summaries(
    batch: pa.RecordBatch, places: Sequence[int], own: Hashes
) -> Iterator[tuple[dict[int, ColumnSummary], Hashes]]:
    """Yields summaries of columns by their places, and the sums of the hashes of each row's values, ``(n,)``.

    Columns of text with a cell that is neither empty nor a plain number, and columns with one that is no
    float32, are not among them.

    Args:
        batch: Rows as a reader gives them.
        places: Of columns that may be summarized so.
        own: The ``name_hashes`` of all columns.
    """
    if not batch.num_rows:
        return
    kinds = {place: batch.schema.field(place).type for place in places}
    numbers = [place for place, kind in kinds.items() if _is_number(kind)]
    gapped = [place for place in numbers if batch.column(place).null_count]
    whole = sorted({*numbers} - {*gapped})
    words = [place for place in places if pa.types.is_string(kinds[place])]
    plain = plain_columns([batch.column(place) for place in words])
    written, broken = ([words[at] for at in some] for some in plain)
    step = max(1, _BLOCK_CELLS // batch.num_rows)
    cut = partial(_cut, size=step)
    with ThreadPoolExecutor(threads()) as pool:
        of_text = pool.map(lambda some: _without_gaps(batch, some, _of_words, own)[:2], cut(written))
        for summaries, hashes, left in pool.map(
            lambda some: _without_gaps(batch, some, _of_numbers, own), cut(whole)
        ):
            gapped += left
            yield summaries, hashes
        yield from pool.map(lambda some: _with_gaps(batch, some, Gapped.of, own), cut(gapped))
        yield from of_text
        yield from pool.map(lambda some: _with_gaps(batch, some, Gapped.of_words, own), cut(broken))


def _cut(places: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(places), size):
        yield places[start : start + size]


def _without_gaps(
    batch: pa.RecordBatch, places: list[int], block_of: _BlockOf, own: Hashes
) -> tuple[dict[int, ColumnSummary], Hashes, list[int]]:
    """Returns summaries and hashes, and the places of those columns that are no such block."""
    block, left = block_of(batch, places), list[int]()
    if not block.fits.all():
        left = np.array(places)[~block.fits].tolist()
        places = np.array(places)[block.fits].tolist()
        block = block_of(batch, places)
    if not places:
        return {}, np.zeros(batch.num_rows, np.uint64), left
    return (*_summarized(batch, places, block, own[places]), left)


def _with_gaps(
    batch: pa.RecordBatch,
    places: list[int],
    of: Callable[[list[pa.Array]], tuple[Gapped, list[int]]],
    own: Hashes,
) -> tuple[dict[int, ColumnSummary], Hashes]:
    found, fitting = of([batch.column(place) for place in places])
    places = [places[at] for at in fitting]
    summaries = dict(zip(places, found.summaries(batch.num_columns), strict=True)) if places else {}
    return summaries, mix(found.hashes ^ own[places][:, None]).sum(axis=0, dtype=np.uint64)


def fractions(batch: pa.RecordBatch, places: Sequence[int]) -> dict[int, ColumnSummary]:
    """Returns how many numbers columns with a fraction have, and their range, by place; no more of them.

    Args:
        batch: Rows as a reader gives them.
        places: Of columns to look at.
    """
    chosen = [place for place in places if pa.types.is_floating(batch.schema.field(place).type)]
    step, found = max(1, _BLOCK_CELLS // max(1, batch.num_rows)), dict[int, ColumnSummary]()
    for start in range(0, len(chosen) if batch.num_rows else 0, step):
        some = chosen[start : start + step]
        matrix = np.stack([batch.column(at).to_numpy(zero_copy_only=False) for at in some], dtype=np.float64)
        known = np.abs(matrix) < LARGEST  # also false of what is missing
        numbers, whole = known.sum(axis=1), (known & (matrix == np.rint(matrix))).sum(axis=1)
        least = np.where(known, matrix, np.inf).min(axis=1).tolist()
        most = np.where(known, matrix, -np.inf).max(axis=1).tolist()
        for at in np.flatnonzero(whole < numbers).tolist():
            kind = batch.schema.field(some[at]).type
            summary = ColumnSummary.of_numbers(kind, int(numbers[at]), batch.num_columns)
            summary.missing = summary.missing_numbers = batch.num_rows - summary.numbers
            summary.integers, summary.minimum, summary.maximum = int(whole[at]), least[at], most[at]
            found[some[at]] = summary
    return found


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


class _Block(NamedTuple):
    """Columns of numbers.

    Attributes:
        matrix: The numbers, ``(columns, rows)``.
        fits: Whether a column's numbers are all told apart as float64, and are float32.
        words: All cells, column by column; None where they are no text.
    """

    matrix: Floats
    fits: npt.NDArray[np.bool_]
    words: pa.StringArray | None


_BlockOf = Callable[[pa.RecordBatch, Sequence[int]], _Block]


def _of_numbers(batch: pa.RecordBatch, places: Sequence[int]) -> _Block:
    matrix = np.empty((len(places), batch.num_rows))
    for row, place in zip(matrix, places, strict=True):
        row[:] = np.asarray(batch.column(place))
    is_whole = [pa.types.is_integer(batch.schema.field(place).type) for place in places]
    largest = np.abs(matrix).max(axis=1)
    return _Block(matrix, (largest < LARGEST) & (~np.array(is_whole, bool) | (largest < _EXACT)), None)


def _of_words(batch: pa.RecordBatch, places: Sequence[int]) -> _Block:
    columns = [batch.column(place) for place in places]
    words = pa.concat_arrays(columns) if columns else pa.array([], pa.string())
    matrix = np.asarray(words.cast(pa.float64())).reshape(len(places), batch.num_rows)
    return _Block(matrix, np.abs(matrix).max(axis=1) < LARGEST, words)


def _summarized(
    batch: pa.RecordBatch, places: list[int], block: _Block, own: Hashes
) -> tuple[dict[int, ColumnSummary], Hashes]:
    cells = block.matrix.ravel()
    hashes = (hash_numbers(cells) if block.words is None else hash_strings(block.words)).reshape(
        len(places), -1
    )
    of_rows = mix(hashes ^ own[:, None]).sum(axis=0, dtype=np.uint64)
    columns = [batch.column(place) for place in places]
    summaries = _summaries(block, columns, hashes, batch.num_columns)
    return dict(zip(places, summaries, strict=True)), of_rows


def _summaries(block: _Block, columns: list[pa.Array], hashes: Hashes, width: int) -> Iterator[ColumnSummary]:
    """Yields the summary of each row of a matrix, which is a column of a batch."""
    matrix, rows = block.matrix, block.matrix.shape[1]
    ordered, weights, ends = _different(hashes)
    most_often = np.maximum.reduceat(weights, ends[:-1]).tolist()
    integers = (matrix == np.rint(matrix)).sum(axis=1).tolist()
    means = matrix.mean(axis=1)
    m2 = np.square(matrix - means[:, None]).sum(axis=1).tolist()
    spans = zip(matrix.min(axis=1).tolist(), matrix.max(axis=1).tolist(), strict=True)
    tallies = plain_tallies(block.words, columns) if block.words is not None else None
    few = np.diff(ends) <= frequent_numbers(width)
    counted = _counted(matrix[few], [column for column, is_few in zip(columns, few, strict=True) if is_few])
    for at, ((start, stop), span) in enumerate(zip(pairwise(ends.tolist()), spans, strict=True)):
        summary = ColumnSummary.of_numbers(columns[at].type, rows, width)
        summary.integers, summary.mean, summary.m2 = integers[at], float(means[at]), m2[at]
        summary.minimum, summary.maximum = span
        if span[0] >= FIRST_DIGITS:
            summary.days = int(are_days(matrix[at]).sum())
        kept = slice(start, min(stop, start + summary.distinct.size))
        summary.distinct = Distinct(summary.distinct.size, ordered[kept].copy(), weights[kept].copy())
        if tallies is not None:
            summary.tally = tallies[at]
        if few[at]:
            summary.frequent.add(next(counted))
        else:
            summary.frequent.error = most_often[at]
        yield summary


def _different(cells: npt.NDArray[_Cell]) -> tuple[npt.NDArray[_Cell], Counts, Counts]:
    """Returns the different values of each row of a matrix.

    Returns:
        The values, row by row and each row's in rising order; how often each occurs; and where those of each
        row begin, with their end behind the last one.
    """
    ordered = np.sort(cells, axis=1)
    is_new = np.ones(ordered.shape, bool)
    is_new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.flatnonzero(is_new)
    ends = np.concatenate([[0], np.cumsum(is_new.sum(axis=1))])
    return ordered.ravel()[first], np.diff(first, append=ordered.size), ends


def _counted(matrix: Floats, columns: Sequence[pa.Array]) -> Iterator[Iterator[tuple[str, int]]]:
    """Yields the few different values of each column as text, and how often each occurs.

    Numbers of one type are written at once: the calls cost more than the numbers.

    Args:
        matrix: The columns' numbers, ``(columns, rows)``.
        columns: The columns, all of them text or none.
    """
    if not columns:
        return
    if pa.types.is_string(columns[0].type):
        for column in columns:
            counted = column.value_counts()
            yield zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
        return
    unique, counts, ends = _different(matrix)
    words = np.empty(len(unique), object)
    kinds = [column.type for column in columns]
    for kind in set(kinds):
        chosen = np.repeat([each == kind for each in kinds], np.diff(ends))
        words[chosen] = texts(pa.array(unique[chosen]).cast(kind)).to_pylist()
    for start, stop in pairwise(ends.tolist()):
        yield zip(words[start:stop].tolist(), counts[start:stop].tolist(), strict=True)
