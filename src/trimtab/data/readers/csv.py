"""CSV: cut at record boundaries into pieces that workers stream; every value stays the string it is.

Types are not guessed while reading: a guess would depend on where a piece begins.
``trimtab.data.values.values`` gives strings their meaning, one by one, and the statistics of all rows decide
what a column is.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pacsv

from trimtab import progress
from trimtab.config.data_limits import named
from trimtab.data.readers import csv_records
from trimtab.data.readers.base import Format, Partition
from trimtab.data.readers.csv_dialect import Dialect, dialect_of
from trimtab.data.readers.files import files_of
from trimtab.data.readers.width import bytes_at_a_time
from trimtab.errors import DataError

if TYPE_CHECKING:
    from trimtab.config.data import Data

ENDINGS = (".csv", ".tsv")
BYTES_PER_PARTITION = 4 << 20
_BLOCK_BYTES = 1 << 20
_BATCH_ROWS = 8192
_RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")


class CsvReader:
    """Reads a file, a glob or a directory of files with the same header; comma, semicolon, tab or bar."""

    def partitions(self, source: str, config: Data) -> list[Partition]:
        """See ``Reader``; units are bytes, cut behind whole records."""
        partitions: list[Partition] = []
        first: Dialect | None = None
        for file in files_of(source, ENDINGS):
            dialect = dialect_of(file, config.limits)
            _check_width(dialect, file, config)
            first = first or dialect
            if sorted(dialect.names) != sorted(first.names):
                raise DataError(
                    f"expected the columns of the first file ({', '.join(first.names)}), "
                    f"found {', '.join(dialect.names)}",
                    path=str(file),
                    line=1,
                )
            offsets = csv_records.cuts(
                file,
                dialect.data_start,
                dialect.delimiter,
                bytes_at_a_time(BYTES_PER_PARTITION, len(dialect.names)),
            )
            for start, stop in itertools.pairwise(offsets):
                partitions.append(Partition(str(file), len(partitions), start, stop))
        return partitions

    def read(self, partition: Partition, config: Data) -> Iterator[pa.RecordBatch]:
        """See ``Reader``.

        Records with too few or too many fields are left out, up to ``max_bad_fraction`` of each partition.
        """
        if partition.start >= partition.stop:
            return
        file = Path(partition.source)
        dialect = dialect_of(file, config.limits)
        ragged = _Ragged() if config.max_bad_fraction > 0 else None
        rows = 0
        for batch in _parsed(partition, dialect, ragged, config.limits.record_mb << 20):
            rows += batch.num_rows
            for start in range(0, batch.num_rows, _BATCH_ROWS):
                yield batch.slice(start, _BATCH_ROWS)
        if ragged is not None and ragged.first is not None:
            error = _ragged_error(partition, dialect, *ragged.first)
            if ragged.count > config.max_bad_fraction * (rows + ragged.count):
                raise error
            progress.say("data_prep", f"left out {ragged.count} records, the first: {error.describe()}")


FORMAT = Format(CsvReader, endings=ENDINGS)


def _check_width(dialect: Dialect, file: Path, config: Data) -> None:
    """Refuses too many columns before a parser makes room for each."""
    if len(dialect.names) > config.max_columns:
        raise DataError(
            f"expected at most {config.max_columns:,} columns, found {len(dialect.names):,}",
            path=str(file),
            line=1,
            field="data.max_columns",
            hint="Raise it if all are meant: each takes some milliseconds.",
        )


class _Ragged:
    """Counts and leaves out the records whose number of fields is not the header's."""

    def __init__(self) -> None:
        self.count = 0
        self.first: tuple[int, int, int] | None = None

    def __call__(self, row: pacsv.InvalidRow) -> str:
        self.count += 1
        self.first = self.first or (row.number, row.expected_columns, row.actual_columns)
        return "skip"


def _parsed(
    partition: Partition, dialect: Dialect, ragged: _Ragged | None, most_bytes: int
) -> Iterator[pa.RecordBatch]:
    """Yields the records of a partition; the parser's block grows only for records longer than it."""
    block, done = min(bytes_at_a_time(_BLOCK_BYTES, len(dialect.names)), most_bytes), 0
    while True:
        try:
            skip = done
            for batch in _open(partition, dialect, ragged, block):
                fresh = batch.slice(min(skip, batch.num_rows))
                skip -= batch.num_rows - fresh.num_rows
                done += fresh.num_rows
                if fresh.num_rows:
                    yield fresh
            return
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):
                raise _explained(error, partition, dialect) from error
            if block >= most_bytes:
                raise _too_long(partition, dialect, done, most_bytes) from error
            block = min(8 * block, most_bytes)
            if ragged is not None:
                ragged.count = 0


def _open(
    partition: Partition, dialect: Dialect, ragged: _Ragged | None, block: int
) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(partition.source) as file:
        stream = file.get_stream(partition.start, partition.stop - partition.start)
        yield from pacsv.open_csv(
            stream,
            read_options=pacsv.ReadOptions(
                column_names=list(dialect.names), block_size=block, use_threads=False
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=dialect.delimiter, newlines_in_values=True, invalid_row_handler=ragged
            ),
            convert_options=pacsv.ConvertOptions(column_types=dict.fromkeys(dialect.names, pa.string())),
        )


def _too_long(partition: Partition, dialect: Dialect, done: int, most_bytes: int) -> DataError:
    """Returns the error that names the first record behind those that are done."""
    file, stop = Path(partition.source), partition.stop
    offset = csv_records.record_offset(file, partition.start, stop, dialect.delimiter, done + 1)
    return DataError(
        f"a record from here on has more than {most_bytes:,} bytes",
        path=str(file),
        line=csv_records.line_of(file, offset),
        field=named("record_mb"),
        hint="Look for a quote that is never closed; raise the limit if the record is meant.",
    )


def _explained(error: pa.ArrowInvalid, partition: Partition, dialect: Dialect) -> DataError:
    file = Path(partition.source)
    line = _first_undecodable_line(file, partition)
    if line is not None:
        return DataError(
            "the file is not UTF-8 text",
            path=str(file),
            line=line,
            hint="Save it as UTF-8, such as: iconv -f latin1 -t utf-8 old.csv > new.csv",
        )
    ragged = _RAGGED.search(str(error))
    if ragged is not None:
        number, expected, actual = map(int, ragged.groups())
        return _ragged_error(partition, dialect, number, expected, actual)
    line = csv_records.line_of(file, partition.start)
    return DataError(f"cannot parse the records from here on: {error}", path=str(file), line=line)


def _ragged_error(
    partition: Partition, dialect: Dialect, number: int, expected: int, actual: int
) -> DataError:
    """Returns the error that names the line of a partition's n-th record."""
    file = Path(partition.source)
    offset = csv_records.record_offset(file, partition.start, partition.stop, dialect.delimiter, number)
    return DataError(
        f"expected {expected} fields as in the header, found {actual}",
        path=str(file),
        line=csv_records.line_of(file, offset),
        hint="Quote fields that hold the delimiter; data.max_bad_fraction leaves out a share of records.",
    )


def _first_undecodable_line(file: Path, partition: Partition) -> int | None:
    with file.open("rb") as handle:
        handle.seek(partition.start)
        content = handle.read(partition.stop - partition.start)
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return csv_records.line_of(file, partition.start + error.start)
    return None
