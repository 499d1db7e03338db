"""Where the records of a CSV file end, found without parsing it, so that it can be cut for many workers.

A line feed ends a record only outside of quotes, and whether it is outside depends on every quote before it;
so the file is scanned once from its beginning. The scan reads each block with one vectorized search for
quotes. A quote opens a field only at its beginning; then, of the quotes that count, those with an odd number
before them close (an escaped pair closes and opens again), and a line feed after an even number of them ends
a record. In a well-formed file every quote counts, which is checked for all quotes at once; in blocks where
it does not hold (``a 5" pipe``), the quotes are walked one by one with the parser's rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.errors import DataError

_BLOCK_BYTES = 8 << 20
_QUOTE, _LINE_FEED, _RETURN = b'"'[0], b"\n"[0], b"\r"[0]
Positions = np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class _State:
    """Where a scan stands between two bytes."""

    inside: bool = False
    previous: int = _LINE_FEED
    closed: bool = False  # the previous byte is a quote that closed a field, so that another one is an escape


def first_record_end(file: Path, start: int, delimiter: str) -> int:
    """Returns the offset behind the record that begins at ``start``."""
    state = _State()
    for offset, block in _blocks(file, start, None):
        was_inside = state.inside
        end = _record_end(block, 0, _counting_quotes(block, delimiter, state), was_inside)
        if end is not None:
            return offset + end
    return file.stat().st_size


def cuts(file: Path, start: int, delimiter: str, target_bytes: int) -> list[int]:
    """Returns offsets that cut a file into pieces of about ``target_bytes``, each of whole records.

    Args:
        file: The file.
        start: Offset of its first record.
        delimiter: The field separator.
        target_bytes: Size of a piece; a piece ends with the record that reaches it.

    Returns:
        Offsets from ``start`` to the file's size, both included.

    Raises:
        DataError: If the file ends inside a quoted field.
    """
    offsets, wanted, last_open = [start], start + target_bytes, start
    state = _State()
    for offset, block in _blocks(file, start, None):
        was_inside = state.inside
        counting = _counting_quotes(block, delimiter, state)
        if len(counting):
            opening = counting[1::2] if was_inside else counting[::2]
            last_open = offset + int(opening[-1]) if len(opening) else last_open
        while wanted < offset + len(block):
            end = _record_end(block, max(wanted - offset - 1, 0), counting, was_inside)
            if end is None:
                break
            offsets.append(offset + end)
            wanted = offset + end + target_bytes
    size = file.stat().st_size
    if state.inside:
        raise DataError(
            "the quote that opens here is never closed", path=str(file), line=line_of(file, last_open)
        )
    return [*offsets, size] if offsets[-1] < size or len(offsets) == 1 else offsets


def line_of(file: Path, offset: int) -> int:
    """Returns the line, counted from 1, that a byte is on."""
    return 1 + sum(block.count(b"\n") for _, block in _blocks(file, 0, offset))


def record_offset(file: Path, start: int, stop: int, delimiter: str, number: int) -> int:
    """Returns the offset of a record.

    Args:
        file: The file.
        start: Offset of the record that is number 1.
        stop: Where to stop looking.
        delimiter: The field separator.
        number: The record's number; blank lines have none.
    """
    state, seen, record = _State(), 0, start
    for offset, block in _blocks(file, start, stop):
        was_inside = state.inside
        counting = _counting_quotes(block, delimiter, state)
        data = np.frombuffer(block, np.uint8)
        for feed in _record_feeds(data, counting, was_inside) + offset:
            if feed - record > 1 or (feed - record == 1 and data[feed - 1 - offset] != _RETURN):
                seen += 1
                if seen == number:
                    return record
            record = int(feed) + 1
    return record


def _blocks(file: Path, start: int, stop: int | None) -> Iterator[tuple[int, bytes]]:
    with file.open("rb") as handle:
        handle.seek(start)
        left = None if stop is None else stop - start
        while block := handle.read(_BLOCK_BYTES if left is None else min(_BLOCK_BYTES, left)):
            yield start, block
            start += len(block)
            left = None if left is None else left - len(block)


def _counting_quotes(block: bytes, delimiter: str, state: _State) -> Positions:
    """Returns the positions of the quotes that open or close, and moves the state behind the block."""
    data = np.frombuffer(block, np.uint8)
    quotes: Positions = np.flatnonzero(data == _QUOTE) if _QUOTE in block else np.empty(0, np.int64)
    if len(quotes):
        before = data[quotes - 1]
        if quotes[0] == 0:
            before[0] = state.previous
        at_start = (before == ord(delimiter)) | (before == _LINE_FEED) | (before == _RETURN)
        adjacent = before == _QUOTE
        if quotes[0] == 0:
            adjacent[0] = state.closed
        opening = slice(1, None, 2) if state.inside else slice(0, None, 2)
        if not np.all((at_start | adjacent)[opening]):
            quotes = _walk(quotes, at_start, state)
        state.inside ^= bool(len(quotes) % 2)
    last_counts = bool(len(quotes)) and int(quotes[-1]) == len(block) - 1
    state.closed = last_counts and not state.inside
    state.previous = block[-1]
    return quotes


def _walk(quotes: Positions, at_start: np.ndarray[Any, np.dtype[np.bool_]], state: _State) -> Positions:
    """Returns the quotes that open or close; one inside an unquoted field is a character like any other."""
    inside, closed = state.inside, -1 if state.closed else -2
    counting = []
    for position, starts in zip(quotes.tolist(), at_start.tolist(), strict=True):
        if inside:
            inside, closed = False, position
        elif starts or position - 1 == closed:
            inside = True
        else:
            continue
        counting.append(position)
    return np.array(counting, np.int64)


def _record_end(block: bytes, begin: int, counting: Positions, inside: bool) -> int | None:
    """Returns the offset behind the first line feed at or after ``begin`` that ends a record."""
    position = block.find(b"\n", begin)
    while position >= 0:
        index = int(np.searchsorted(counting, position))
        if (index % 2 == 1) == inside:
            return position + 1
        if index == len(counting):
            return None  # the rest of the block is inside quotes
        position = block.find(b"\n", int(counting[index]))
    return None


def _record_feeds(data: np.ndarray[Any, np.dtype[np.uint8]], counting: Positions, inside: bool) -> Positions:
    feeds = np.flatnonzero(data == _LINE_FEED)
    odd = np.searchsorted(counting, feeds) % 2 == 1
    ends: Positions = feeds[odd == inside]
    return ends
