"""Some whole rows of many, chosen by their content."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.statistics.sketches import Counts, Hashes
from trimtab.data.values import values

Numbers = np.ndarray[Any, np.dtype[np.float64]]
_ROWS, _CELLS, _LEAST_ROWS = 5_000, 500_000, 200
_LONGEST_CHARACTERS = 64
_BLOCK_CELLS = 1 << 20


@dataclass
class Sample:
    """The rows with the smallest content hashes: a uniform sample of the different rows, with their numbers.

    It depends on the rows alone, not on their order or on how they were cut, and samples of parts merge into
    the sample of the whole (a bottom-k sample, Cohen and Kaplan 2007). Encoded files are not sampled, and
    long texts are cut.

    Attributes:
        hashes: Of the rows, sorted, each once.
        counts: How often each row occurs.
        rows: The rows: numbers as float64, all else as text, one row a hash.
    """

    hashes: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))
    counts: Counts = field(default_factory=lambda: np.empty(0, np.int64))
    rows: pa.Table = field(default_factory=lambda: pa.table({}))

    @classmethod
    def of(cls, batch: pa.RecordBatch, hashes: Hashes) -> Sample:
        """Returns the sample of a batch's rows.

        Args:
            batch: Rows, without encoded files.
            hashes: Of each row's content.
        """
        if not batch.num_columns:
            return cls()
        unique, first, counts = np.unique(hashes, return_index=True, return_counts=True)
        size = _size(batch.num_columns)
        rows = batch.take(pa.array(first[:size]))
        return cls(unique[:size], counts[:size].astype(np.int64), pa.table(_sampled(rows)))

    def merge(self, other: Sample) -> Sample:
        """Returns the sample of the rows of both."""
        if not len(self.hashes) or not len(other.hashes):
            return self if len(self.hashes) else other
        hashes = np.concatenate([self.hashes, other.hashes])
        unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        counts = np.bincount(inverse, np.concatenate([self.counts, other.counts])).astype(np.int64)
        rows = _joined(self.rows, other.rows)
        size = _size(rows.num_columns)
        return Sample(unique[:size], counts[:size], rows.take(pa.array(first[:size])).combine_chunks())

    def quantiles(self, column: str, q: list[float]) -> list[float]:
        """Returns quantiles of a column's numbers, and nothing when it has none.

        Args:
            column: A column that is no encoded file.
            q: Probabilities.
        """
        ordered, weights = self.numbers(column)
        if not len(ordered):
            return []
        places = np.searchsorted(np.cumsum(weights), np.array(q) * weights.sum(), side="left")
        return [float(value) for value in ordered[np.minimum(places, len(ordered) - 1)]]

    def medians(self, names: Sequence[str]) -> dict[str, float]:
        """Returns the medians of columns that have numbers: ``quantiles`` of many columns at once.

        Args:
            names: Of columns that are no encoded files.
        """
        found = dict[str, float]()
        for some, matrix in self.matrices(names):
            known = zip(some, _medians(matrix, self.counts).tolist(), strict=True)
            found |= {name: value for name, value in known if value == value}
        return found

    def matrices(self, names: Sequence[str]) -> Iterator[tuple[list[str], Numbers]]:
        """Yields the numbers of many columns at once, NaN where one is missing, ``(columns, rows)``.

        Args:
            names: Of columns that are no encoded files; none are yielded that no row has.
        """
        alike: dict[pa.DataType, list[str]] = {}
        columns = dict(zip(self.rows.column_names, self.rows.columns, strict=True))
        for name in names:
            if name in columns:
                alike.setdefault(columns[name].type, []).append(name)
        step = max(1, _BLOCK_CELLS // max(1, len(self.counts)))
        for together in alike.values() if len(self.counts) else ():
            for start in range(0, len(together), step):
                some = together[start : start + step]
                cells = pa.concat_arrays([part for name in some for part in columns[name].chunks])
                yield some, np.asarray(values.numbers(cells)).reshape(len(some), -1)

    def numbers(self, column: str) -> tuple[Numbers, Counts]:
        """Returns a column's numbers in rising order and how many rows have each; none where it has none.

        Args:
            column: A column that is no encoded file.
        """
        place = self.rows.schema.get_field_index(column)
        if place < 0:
            return np.empty(0), np.empty(0, np.int64)
        parsed = np.asarray(values.numbers(self.rows.column(place)))
        known = ~np.isnan(parsed)
        order = np.argsort(parsed[known], kind="stable")
        return parsed[known][order], self.counts[known][order]

    def to_text(self) -> str:
        """Returns the sample as text: a compressed Arrow stream in base 64."""
        table = (
            self.rows.append_column("hash", pa.array(self.hashes, pa.uint64())) if len(self.hashes) else None
        )
        if table is None:
            return ""
        names = [f"_{name}" for name in self.rows.column_names]
        table = table.rename_columns([*names, "hash"]).append_column(
            "count", pa.array(self.counts, pa.int64())
        )
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
            writer.write_table(table)
        return base64.b64encode(sink.getvalue()).decode()

    @classmethod
    def from_text(cls, text: str) -> Sample:
        """Returns the sample that ``to_text`` wrote."""
        if not text:
            return cls()
        table = pa.ipc.open_stream(base64.b64decode(text)).read_all()
        rows = table.drop_columns(["hash", "count"])
        rows = rows.rename_columns([name[1:] for name in rows.column_names])
        return cls(np.asarray(table["hash"]), np.asarray(table["count"]), rows)


def _medians(matrix: Numbers, counts: Counts) -> Numbers:
    """Returns the median of each column's numbers, NaN where it has none, ``(columns,)``.

    Args:
        matrix: The numbers, NaN where one is missing, ``(columns, rows)``.
        counts: How often each row occurs.
    """
    order = np.argsort(matrix, axis=1, kind="stable")  # what is missing comes last
    ordered = np.take_along_axis(matrix, order, 1)
    weights = np.where(np.isnan(ordered), 0, counts[order]).cumsum(axis=1)
    places = (weights < 0.5 * weights[:, -1:]).sum(axis=1)
    return np.take_along_axis(ordered, places[:, None], 1)[:, 0]


def _size(columns: int) -> int:
    return max(_LEAST_ROWS, min(_ROWS, _CELLS // columns))


def _sampled(rows: pa.RecordBatch) -> dict[str, pa.Array]:
    """Returns columns as a sample has them; numbers of many columns at once, as a wide table has them."""
    columns = {name: values.plain(each) for name, each in zip(rows.schema.names, rows.columns, strict=True)}
    whole = [name for name, column in columns.items() if _is_number(column) and not column.null_count]
    step = max(1, _BLOCK_CELLS // max(1, rows.num_rows))
    read = dict[str, pa.Array]()
    for start in range(0, len(whole) if rows.num_rows else 0, step):
        some = whole[start : start + step]
        matrix = np.stack([np.asarray(columns[name]) for name in some], dtype=np.float64)
        is_read = np.abs(matrix).max(axis=1) < values.LARGEST
        read |= {name: pa.array(row) for name, row, fits in zip(some, matrix, is_read, strict=True) if fits}
    read |= _with_gaps({name: column for name, column in columns.items() if name not in read})
    return {name: read[name] if name in read else _sampled_alone(column) for name, column in columns.items()}


def _with_gaps(columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Returns columns of numbers, some of them missing, as a sample has them: many at once."""
    names = [name for name, column in columns.items() if _is_number(column) and len(column)]
    step = max(1, _BLOCK_CELLS // len(columns[names[0]])) if names else 1
    read = dict[str, pa.Array]()
    for start in range(0, len(names), step):
        some = names[start : start + step]
        cells = [columns[name].to_numpy(zero_copy_only=False) for name in some]
        matrix = np.stack(cells, dtype=np.float64)
        missing = ~(np.abs(matrix) < values.LARGEST)
        matrix[missing] = 0.0
        nulls = [columns[name].null_count for name in some]
        fits = missing.sum(axis=1) == nulls  # what else is no number leaves other bytes under its gap
        known = zip(some, matrix, missing, fits.tolist(), strict=True)
        read |= {name: pa.array(row, mask=gaps) for name, row, gaps, fit in known if fit}
    return read


def _is_number(column: pa.Array) -> bool:
    return bool(pa.types.is_integer(column.type) or pa.types.is_floating(column.type))


def _sampled_alone(column: pa.Array) -> pa.Array:
    if _is_number(column):
        return values.numbers(column)
    return pc.utf8_slice_codeunits(values.texts(column), 0, _LONGEST_CHARACTERS)


def _joined(one: pa.Table, other: pa.Table) -> pa.Table:
    """Returns the rows of both; a column that is text in one of them is text."""
    if one.schema.equals(other.schema):
        return pa.concat_tables([one, other])
    types, other_types = ({field.name: field.type for field in table.schema} for table in (one, other))
    names = list(types | other_types)
    return pa.concat_tables([_like(one, types, other_types, names), _like(other, other_types, types, names)])


def _like(
    table: pa.Table, types: dict[str, pa.DataType], other_types: dict[str, pa.DataType], names: list[str]
) -> pa.Table:
    """Returns a table with all columns of two.

    Args:
        table: The table.
        types: The types of its columns; to look for one in a table takes as long as there are columns.
        other_types: Those of the other table.
        names: The columns of both.
    """
    columns = dict(zip(types, table.columns, strict=True))
    for name in names:
        if name not in types:
            columns[name] = pa.nulls(table.num_rows, other_types[name])
        elif other_types.get(name, types[name]) != types[name]:
            columns[name] = values.texts(columns[name])
    return pa.table({name: columns[name] for name in names})
