"""Summaries of many columns of numbers with missing values at once: what ``ColumnSummary.of`` says of each.

Sums are taken in the order in which a column's different numbers first occur, as those of a column alone are:
means and variances are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.statistics.column import ColumnSummary, are_days, frequent_numbers
from trimtab.data.statistics.sketches import NULL_HASH, Counts, Distinct, Hashes, hash_numbers, hash_strings
from trimtab.data.values.dates import FIRST_DIGITS
from trimtab.data.values.plain import without_blanks
from trimtab.data.values.tally import plain_tallies
from trimtab.data.values.values import LARGEST, texts

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
_EXACT = 2.0**53


@dataclass(frozen=True)
class Gapped:
    """Columns of numbers, some of them missing.

    Attributes:
        columns: As a reader gives them.
        matrix: The numbers, ``(columns, rows)``; NaN where one is missing.
        known: Where there is a number.
        hashes: Of the numbers, or of the text that they are written as, and what stands for a missing one.
        cells: All cells, column by column, where they are text.
    """

    columns: list[pa.Array]
    matrix: Floats
    known: Flags
    hashes: Hashes
    cells: pa.StringArray | None = None

    @classmethod
    def of(cls, columns: Sequence[pa.Array]) -> tuple[Gapped, list[int]]:
        """Returns those columns that can be summarized together, and which they are.

        Left out are columns without a number; with one that is no float32, or that float64 does not tell from
        others; and with a minus zero, which is another value than zero where values are counted.

        Args:
            columns: Of numbers, all of the same length and at least a row long.
        """
        matrix = np.empty((len(columns), len(columns[0])))
        for row, column in zip(matrix, columns, strict=True):
            row[:] = column.to_numpy(zero_copy_only=False)
        known = ~np.isnan(matrix)
        largest = np.abs(np.where(known, matrix, 0.0)).max(axis=1)
        is_whole = np.array([pa.types.is_integer(column.type) for column in columns], bool)
        fits = known.any(axis=1) & (largest < LARGEST) & (~is_whole | (largest < _EXACT))
        fits &= ~(np.signbit(matrix) & (matrix == 0)).any(axis=1)
        chosen = np.flatnonzero(fits)
        matrix, known = matrix[chosen], known[chosen]
        hashes = np.where(known, hash_numbers(matrix.ravel()).reshape(matrix.shape), NULL_HASH)
        return cls([columns[at] for at in chosen.tolist()], matrix, known, hashes), chosen.tolist()

    @classmethod
    def of_words(cls, columns: Sequence[pa.StringArray]) -> tuple[Gapped, list[int]]:
        """Returns those columns that can be summarized together, and which they are.

        Left out are columns with a number that is no float32.

        Args:
            columns: Of plain numbers and empty cells, all of the same length; none is empty throughout.
        """
        joined = without_blanks(pa.concat_arrays(columns))
        matrix = joined.cast(pa.float64()).to_numpy(zero_copy_only=False).reshape(len(columns), -1)
        known = ~np.isnan(matrix)
        fits = np.abs(np.where(known, matrix, 0.0)).max(axis=1) < LARGEST
        chosen = np.flatnonzero(fits)
        if not fits.all():
            joined = joined.filter(pa.array(np.repeat(fits, matrix.shape[1])))
            matrix, known = matrix[chosen], known[chosen]
        hashes = np.full(matrix.shape, NULL_HASH, np.uint64)
        hashes[known] = hash_strings(joined.drop_null())
        return cls([columns[at] for at in chosen.tolist()], matrix, known, hashes, joined), chosen.tolist()

    def summaries(self, width: int) -> Iterator[ColumnSummary]:
        """Yields the summary of each column.

        Args:
            width: Columns of the batch.
        """
        rows = self.matrix.shape[1]
        different = _Different.of(self.hashes, self.known)
        present = self.known.sum(axis=1).tolist()
        nulls = [column.null_count for column in self.columns]
        integers = (self.matrix == np.rint(self.matrix)).sum(axis=1).tolist()
        least = np.where(self.known, self.matrix, np.inf).min(axis=1).tolist()
        most = np.where(self.known, self.matrix, -np.inf).max(axis=1).tolist()
        firsts, counts, ends = different.by_first_row()
        numbers = np.take_along_axis(self.matrix.ravel(), firsts, 0)
        sizes = np.diff(ends) + (rows - np.array(nulls) > present)  # what is no number is a value, too
        few = sizes <= frequent_numbers(width)
        words = self._words(numbers, firsts, ends, few)
        tallies = None if self.cells is None else plain_tallies(pc.fill_null(self.cells, ""), self.columns)
        for at, (start, stop) in enumerate(pairwise(ends.tolist())):
            values, weights = numbers[start:stop], counts[start:stop]
            summary = ColumnSummary.of_numbers(self.columns[at].type, present[at], width)
            summary.missing = summary.missing_numbers = rows - present[at]
            summary.integers, summary.minimum, summary.maximum = integers[at], least[at], most[at]
            summary.add_moments(values, weights)
            if least[at] >= FIRST_DIGITS:
                summary.days = int(weights[are_days(values)].sum())
            summary.distinct = different.sketch(at, summary.distinct.size)
            if tallies is not None:
                summary.tally = tallies[at]
            if few[at]:
                summary.frequent.add(zip(words[start:stop].tolist(), weights.tolist(), strict=True))
            else:
                summary.frequent.error = max(int(weights.max()), rows - nulls[at] - present[at])
            yield summary

    def _words(
        self, numbers: Floats, firsts: npt.NDArray[np.int64], ends: Counts, few: Flags
    ) -> npt.NDArray[Any]:
        """Returns the different numbers as text where their column has few."""
        if self.cells is None:
            return _written(numbers, ends, few, self.columns)
        words = np.empty(len(firsts), object)
        chosen = np.repeat(few, np.diff(ends))
        words[chosen] = self.cells.take(pa.array(firsts[chosen])).to_pylist()
        return words


@dataclass(frozen=True)
class _Different:
    """The different values of each column, column by column and each column's by rising hash.

    Attributes:
        hashes: Their hashes.
        counts: How often each occurs.
        firsts: Where in the raveled matrix each occurs first.
        ends: Where those of each column begin, with their end behind the last one.
    """

    hashes: Hashes
    counts: Counts
    firsts: npt.NDArray[np.int64]
    ends: Counts

    @classmethod
    def of(cls, hashes: Hashes, known: Flags) -> _Different:
        columns, rows = hashes.shape
        sortable = np.where(known, hashes, np.uint64(2**64 - 1))  # the missing ones to the end
        order = np.argsort(sortable, axis=1)
        ordered = np.take_along_axis(sortable, order, 1)
        present = known.sum(axis=1)
        is_new = np.ones(hashes.shape, bool)
        is_new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        is_known = np.arange(rows) < present[:, None]
        order += np.arange(columns)[:, None] * rows
        cells = order[is_known]
        starts = np.flatnonzero(is_new[is_known])
        ends = np.concatenate([[0], np.cumsum((is_new & is_known).sum(axis=1))])
        counts = np.diff(starts, append=len(cells))
        return cls(ordered[is_known][starts], counts, np.minimum.reduceat(cells, starts), ends)

    def by_first_row(self) -> tuple[npt.NDArray[np.int64], Counts, Counts]:
        """Returns where each value occurs first, column by column in this order, its count, and the ends."""
        order = np.argsort(self.firsts)
        return self.firsts[order], self.counts[order], self.ends

    def sketch(self, column: int, size: int) -> Distinct:
        start, stop = self.ends[column], self.ends[column + 1]
        kept = slice(start, min(stop, start + size))
        return Distinct(size, self.hashes[kept].copy(), self.counts[kept].copy())


def _written(numbers: Floats, ends: Counts, few: Flags, columns: Sequence[pa.Array]) -> npt.NDArray[Any]:
    """Returns numbers as text where their column has few; those of one type are written at once."""
    words = np.empty(len(numbers), object)
    kinds = [column.type if is_few else None for column, is_few in zip(columns, few, strict=True)]
    for kind in set(kinds) - {None}:
        chosen = np.repeat([each == kind for each in kinds], np.diff(ends))
        words[chosen] = texts(pa.array(numbers[chosen]).cast(kind)).to_pylist()
    return words
