"""The header of a CSV file: its delimiter, its column names, and where its records begin."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from trimtab.config.data_limits import DEFAULT, DataLimits, named
from trimtab.data.readers.csv_records import first_record_end
from trimtab.data.readers.files import size_of
from trimtab.errors import DataError

DELIMITERS = ",;\t|"
_HEAD_BYTES = 64 << 10
_UTF8_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Dialect:
    """How to read a CSV file.

    Attributes:
        delimiter: The field separator.
        names: The columns, trimmed; a column without a name is called ``column_N``, counted from 1.
        data_start: Offset of the first byte after the header.
    """

    delimiter: str
    names: tuple[str, ...]
    data_start: int


def dialect_of(file: Path, limits: DataLimits = DEFAULT) -> Dialect:
    """Returns how to read a file.

    Raises:
        DataError: If the file is empty, is not UTF-8, or names a column twice.
    """
    size_of(file)
    return _dialect(file, limits.record_mb << 20, file.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _dialect(file: Path, most_bytes: int, changed_ns: int) -> Dialect:
    """Sniffs a file once per process; ``changed_ns`` makes a rewritten file another key."""
    del changed_ns
    with file.open("rb") as handle:
        head = handle.read(_HEAD_BYTES)
    if head.startswith(_WIDE_BOMS) or b"\0" in head:
        raise DataError(
            "expected UTF-8 text, found UTF-16 or binary", path=str(file), hint="Save the file as UTF-8."
        )
    if b"\n" not in head and b"\r" in head.strip():
        raise DataError(
            "expected lines that end with a line feed, found carriage returns alone",
            path=str(file),
            hint="Convert it, such as: tr '\\r' '\\n' < old.csv > new.csv",
        )
    begin = len(_UTF8_BOM) if head.startswith(_UTF8_BOM) else 0
    begin += len(head[begin:]) - len(head[begin:].lstrip(b"\r\n"))
    text = head[begin:].decode("utf-8", errors="replace")
    if not text.strip():
        raise DataError("the file is empty", path=str(file), line=1)
    delimiter = _sniff(text, whole=len(head) < _HEAD_BYTES)
    data_start = first_record_end(file, begin, delimiter)
    if data_start - begin > most_bytes:
        raise _endless(file, named("record_mb"))
    header = _header(file, begin, data_start, delimiter)
    names = tuple(name.strip() or f"column_{place}" for place, name in enumerate(header, start=1))
    _check(names, file)
    return Dialect(delimiter, names, data_start)


def _header(file: Path, start: int, stop: int, delimiter: str) -> list[str]:
    """Returns the fields of the first record."""
    with file.open("rb") as handle:
        handle.seek(start)
        text = handle.read(stop - start).decode("utf-8", errors="replace")
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:  # a field of more than 128 KiB
        raise _endless(file) from None


def _endless(file: Path, limit: str | None = None) -> DataError:
    return DataError(
        "a quote that opens in the header is never closed",
        path=str(file),
        line=1,
        field=limit,
        hint="Close it, or remove it.",
    )


def _check(names: tuple[str, ...], file: Path) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise DataError(f"the header names {', '.join(twice)} more than once", path=str(file), line=1)
    if any("\N{REPLACEMENT CHARACTER}" in name for name in names):
        raise DataError("the header is not UTF-8", path=str(file), line=1, hint="Save the file as UTF-8.")


def _sniff(text: str, whole: bool) -> str:
    """Returns the delimiter that gives most records the header's width, and then the most columns."""
    best, best_score = DELIMITERS[0], (0.0, 1)
    for delimiter in DELIMITERS:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
        if not whole and len(rows) > 1:
            rows.pop()  # cut off by the end of the head
        width = len(rows[0])
        score = (sum(len(row) == width for row in rows) / len(rows), width)
        if width > 1 and score > best_score:
            best, best_score = delimiter, score
    return best
