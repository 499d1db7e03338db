"""Parquet: tabular columns, or a column of encoded images or sound; row groups are read by themselves."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trimtab.config.data_limits import DataLimits, named
from trimtab.data.readers.base import Format, Partition
from trimtab.data.readers.files import files_of, size_of
from trimtab.errors import DataError

if TYPE_CHECKING:
    from trimtab.config.data import Data

ENDINGS = (".parquet", ".pq")
ROWS_PER_PARTITION, ENCODED_ROWS_PER_PARTITION = 100_000, 4_096  # a file costs far more than a number
_BYTES_PER_PARTITION = 64 << 20
_BATCH_ROWS, _BINARY_BATCH_ROWS = 8192, 512
_WIDE, _CELLS_PER_PARTITION, _CELLS_PER_BATCH, _COLUMNS_AT_A_TIME = 1_000, 48 << 20, 8 << 20, 512
_LEAST_ROWS, _LEAST_ROWS_PER_BATCH = 1_000, 512
"""Of tables with so many columns, row groups are cut, too, and read some columns at a time. Each part of a
row group decodes all of it, a third of the work: as few parts as there is memory for. What is known of a
column takes as much to send as the column's cells of some hundred rows."""
_BYTES_PER_LISTED = 24
"""Of a value in a list, while Arrow reads it: with its levels and its place."""


class ParquetReader:
    """Reads a file, a glob or a directory of files with the same columns.

    A struct with a ``bytes`` field, the way the ``datasets`` library stores images and sound, becomes a
    binary column. Columns of lists and other structs keep their type: the schema refuses them unless they are
    dropped.
    """

    def partitions(self, source: str, config: Data) -> list[Partition]:
        """See ``Reader``; units are rows, cut where row groups end but in wide tables."""
        partitions: list[Partition] = []
        expected: list[str] | None = None
        for file in files_of(source, ENDINGS):
            size_of(file)
            with _open(file) as parquet:
                schema = parquet.schema_arrow
                names = schema.names
                if expected is not None and sorted(names) != sorted(expected):
                    raise DataError(
                        f"expected the columns of the first file ({', '.join(expected)}), "
                        f"found {', '.join(names)}",
                        path=str(file),
                    )
                expected = expected or names
                _check_expansion(file, parquet.metadata, names, config.limits)
                rows = ENCODED_ROWS_PER_PARTITION if _has_encoded(schema) else ROWS_PER_PARTITION
                wide = _is_wide(parquet.metadata, schema)
                slices = _wide_slices(parquet.metadata) if wide else _slices(parquet.metadata, rows)
                for start, stop in slices:
                    partitions.append(Partition(str(file), len(partitions), start, stop, wide))
        return partitions

    def read(self, partition: Partition, config: Data) -> Iterator[pa.RecordBatch]:  # noqa: ARG002
        """See ``Reader``."""
        file = Path(partition.source)
        with _open(file) as parquet:
            groups, first = _groups(parquet.metadata, partition)
            schema = parquet.schema_arrow  # made anew each time: of a wide table in a quarter of a second
            rows = _BINARY_BATCH_ROWS if _has_encoded(schema) else _BATCH_ROWS
            try:
                if _is_wide(parquet.metadata, schema):
                    rows = partition.stop - partition.start
                    yield from _wide_batches(parquet, schema.names, groups, first, rows)
                    return
                for batch in parquet.iter_batches(rows, row_groups=groups, use_threads=False):
                    yield _flat(batch)
            except (pa.ArrowException, OSError) as error:
                raise DataError(f"the file is damaged: {error}", path=str(file)) from error


FORMAT = Format(ParquetReader, endings=ENDINGS)


def _open(file: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"this is no Parquet file: {error}", path=str(file)) from error


def _slices(metadata: pq.FileMetaData, most_rows: int) -> Iterator[tuple[int, int]]:
    """Yields the rows of runs of row groups that together reach a number of rows or bytes."""
    start = stop = size = 0
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        stop, size = stop + group.num_rows, size + group.total_byte_size
        if stop - start >= most_rows or size >= _BYTES_PER_PARTITION:
            yield start, stop
            start, size = stop, 0
    if start < stop or stop == 0:
        yield start, stop


def _is_wide(metadata: pq.FileMetaData, schema: pa.Schema) -> bool:
    """Returns whether a file has very many columns, and all of them flat."""
    columns = metadata.num_columns
    return columns >= _WIDE and columns == len(schema) and not _has_encoded(schema)


def _wide_slices(metadata: pq.FileMetaData) -> Iterator[tuple[int, int]]:
    """Yields runs of rows of about the same number of cells; row groups do not count."""
    rows = metadata.num_rows
    parts = max(1, min(-(-rows * metadata.num_columns // _CELLS_PER_PARTITION), rows // _LEAST_ROWS))
    edges = [place * rows // parts for place in range(parts + 1)]
    yield from itertools.pairwise(edges)


def _groups(metadata: pq.FileMetaData, partition: Partition) -> tuple[list[int], int]:
    """Returns the row groups that have rows of a partition, and how many rows they have before it."""
    sizes = [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]
    ends = list(itertools.accumulate(sizes))
    starts = [0, *ends[:-1]]
    groups = [
        at
        for at, (start, end) in enumerate(zip(starts, ends, strict=False))
        if start < partition.stop and partition.start < end
    ]
    return groups, partition.start - starts[groups[0]] if groups else 0


def _wide_batches(
    parquet: pq.ParquetFile, names: list[str], groups: list[int], first: int, rows: int
) -> Iterator[pa.RecordBatch]:
    """Yields rows of a wide table: a reader of all columns at once would hold a page of each."""
    columns: list[pa.Array] = []
    if not rows:
        return
    for start in range(0, len(names), _COLUMNS_AT_A_TIME):
        chosen = list(range(start, min(start + _COLUMNS_AT_A_TIME, len(names))))
        table = _read_columns(parquet, groups, chosen)
        if rows < table.num_rows:
            columns += [_copied(column) for column in table.slice(first, rows).columns]
        else:
            columns += [_plain(column) for column in table.combine_chunks().to_batches()[0].columns]
    whole = pa.RecordBatch.from_arrays(columns, names=names)
    step = max(_LEAST_ROWS_PER_BATCH, _CELLS_PER_BATCH // len(names))
    for start in range(0, rows, step):
        yield whole.slice(start, step)


def _copied(column: pa.ChunkedArray) -> pa.Array:
    """Returns a part of a column by itself, so that the rows before and after are given back."""
    return pa.concat_arrays([_plain(part) for part in column.chunks])


def _read_columns(parquet: pq.ParquetFile, groups: list[int], places: list[int]) -> pa.Table:
    """Returns columns by their places: a name may stand for a column twice."""
    return parquet.reader.read_row_groups(groups, column_indices=places, use_threads=True)


def _check_expansion(file: Path, metadata: pq.FileMetaData, columns: list[str], limits: DataLimits) -> None:
    """Refuses a file in which a few long values are referred to so often that nobody has memory for all.

    Only where it might be so, such a column is read: its values once, and the references to them.
    """
    names = set(_that_might_expand(metadata, limits.expanded_mb << 20)).intersection(columns)
    most = max(limits.expanded_mb << 20, limits.expansion * file.stat().st_size)
    _check_lists(file, metadata, most)
    for name in sorted(names):
        size = 0
        with pq.ParquetFile(file, read_dictionary=[name]) as once:
            for batch in once.iter_batches(_BATCH_ROWS, columns=[name], use_threads=False):
                size += _expanded_bytes(batch.column(0))
                if size > most:
                    raise _expands(file, name, f"more than {most:,} bytes")


def _check_lists(file: Path, metadata: pq.FileMetaData, most: int) -> None:
    """Refuses lists whose numbers, few on the disk, would fill the memory."""
    for at in range(metadata.num_columns):
        column = metadata.schema.column(at)
        if column.max_repetition_level == 0:
            continue
        groups = (metadata.row_group(index).column(at) for index in range(metadata.num_row_groups))
        if (values := sum(chunk.num_values for chunk in groups)) * _BYTES_PER_LISTED > most:
            raise _expands(file, column.path.partition(".")[0], f"{values:,} values in lists")


def _expands(file: Path, column: str, what: str) -> DataError:
    return DataError(
        f"a file of {file.stat().st_size:,} bytes holds {what} in its column {column}",
        path=str(file),
        field=named("expanded_mb"),
        hint=f"Leave the column out, or shorten its values; raise the limit, or {named('expansion')}, "
        "if you trust the file.",
    )


def _that_might_expand(metadata: pq.FileMetaData, most: int) -> list[str]:
    """Returns columns that have a dictionary, and could be very large if each value were its longest."""
    largest = Counter[str]()
    texts = [
        at for at in range(metadata.num_columns) if metadata.schema.column(at).physical_type == "BYTE_ARRAY"
    ]
    for index in range(metadata.num_row_groups if texts else 0):
        group = metadata.row_group(index)
        for at in texts:
            chunk = group.column(at)
            if chunk.has_dictionary_page:
                largest[chunk.path_in_schema] += chunk.num_values * chunk.total_uncompressed_size
    return [name for name, size in largest.items() if size > most]


def _expanded_bytes(column: pa.Array) -> int:
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = pc.fill_null(pc.binary_length(column.dictionary), 0)
    return int(pc.sum(lengths.take(column.indices)).as_py() or 0)


def _has_encoded(schema: pa.Schema) -> bool:
    kinds = set(schema.types)
    return any(_is_binary(kind) or _bytes_field(kind) >= 0 for kind in kinds)


@lru_cache(maxsize=256)
def _is_binary(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(test(kind) for test in tests)


def _bytes_field(kind: pa.DataType) -> int:
    if not pa.types.is_struct(kind):
        return -1
    index = kind.get_field_index("bytes")
    return index if index >= 0 and _is_binary(kind.field(index).type) else -1


def _plain(column: pa.Array) -> pa.Array:
    """Returns a column in the form that all others have: Arrow has several for text and bytes."""
    if pa.types.is_dictionary(column.type):
        return _plain(column.dictionary_decode())
    form = _usual_form(column.type)
    return column if form is None else column.cast(form)


@lru_cache(maxsize=256)
def _usual_form(kind: pa.DataType) -> pa.DataType | None:
    if _is_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    return pa.string() if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else None


def _flat(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = []
    for column in batch.columns:
        index = _bytes_field(column.type)
        if index >= 0:
            column = column.flatten()[index]
        columns.append(_plain(column))
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
