"""Hashes of rows by their content: what the split and the fingerprint are made of.

A row's bytes are, for its columns in the order of their names, the length of every value and then the values
themselves: as ``trimtab.data.values.canonical`` spells them, and encoded files as they are. They do not
depend on the order of rows or columns, on where a partition begins, or on the format that the rows are stored
in. A column of whole numbers that is written anew with one value missing often reads ``3.0`` where it read
``3``: its rows are the same, and keep their sides.

Spellings are numbered. Rows of a model in service keep the one that it was trained by, as another would move
some of them to another side. In the first, zeros at the end of a fraction were all that did not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.cpus import threads
from trimtab.data.values.canonical import canonical
from trimtab.data.values.plain import plain_columns
from trimtab.data.values.values import texts
from trimtab.errors import DataError

Digests = npt.NDArray[np.uint8]
DIGEST_BYTES = 32
_Spelling = Callable[[pa.Array], pa.StringArray]
SPELLING = 2
_MISSING = -1
_CELLS_AT_A_TIME = 2 << 20
_MANY = 64
"""From so many columns of text on, it pays to look for those that can be read together."""
_PADDED = r"^([+-]?\d+)(?:\.0*|(\.\d*[1-9])0*)$"


def row_digests(batch: pa.RecordBatch, names: Iterable[str], spelling: int = SPELLING) -> Digests:
    """Returns the BLAKE2b-256 digest of every row, ``(rows, 32)``.

    Args:
        batch: Rows as a reader gives them.
        names: The columns that count; their order does not.
        spelling: How values are written, one of 1 and 2.

    Raises:
        DataError: If a column holds lists or structs.
    """
    chosen = sorted(names)
    if not chosen:
        return _hashed(pa.array([b""] * batch.num_rows, pa.binary()), 1)
    blocks = _blocks(batch, chosen)
    most = max(1, _CELLS_AT_A_TIME // len(chosen))

    def some(start: int) -> Digests:
        return _hashed(_row_by_row(blocks, batch.num_rows, start, most, _SPELLINGS[spelling]), len(chosen))

    starts = range(0, batch.num_rows, most)
    if len(starts) <= 1:
        return some(0)
    with ThreadPoolExecutor(threads()) as pool:
        return np.concatenate(list(pool.map(some, starts)))


def joined_digests(digests: Digests, other: Digests) -> Digests:
    """Returns the BLAKE2b-256 digest of every pair of digests, ``(rows, 32)``."""
    pairs = np.concatenate([digests, other], axis=1).tobytes()
    step = 2 * DIGEST_BYTES
    hashed = [
        hashlib.blake2b(pairs[at : at + step], digest_size=DIGEST_BYTES).digest()
        for at in range(0, len(pairs), step)
    ]
    return np.frombuffer(b"".join(hashed), np.uint8).reshape(len(hashed), DIGEST_BYTES)


class _Block(NamedTuple):
    """Columns that are spelled at once.

    Attributes:
        places: Theirs among the columns that count.
        cells: All of them, column by column.
        name: Of a column alone.
    """

    places: list[int]
    cells: pa.Array
    name: str = ""


def _blocks(batch: pa.RecordBatch, names: Sequence[str]) -> list[_Block]:
    at = {name: place for place, name in enumerate(batch.schema.names)}
    columns = [batch.column(at[name]) for name in names]
    together, alone = _alike(columns)
    joined = [_Block(places, pa.concat_arrays([columns[place] for place in places])) for places in together]
    return [*joined, *(_Block([place], columns[place], names[place]) for place in alone)]


def _row_by_row(
    blocks: Sequence[_Block], rows: int, start: int, most: int, spelled: _Spelling
) -> pa.BinaryArray:
    """Returns the cells of some rows as bytes, row by row and each row's by their columns.

    Args:
        blocks: All columns that count.
        rows: How many rows they have.
        start: The first of those to return.
        most: How many to return; there may be fewer.
        spelled: How they are written.
    """
    chosen = np.arange(start, min(start + most, rows))
    width = sum(len(block.places) for block in blocks)
    order, parts, before = np.empty((len(chosen), width), np.int64), [], 0
    for places, cells, name in blocks:
        if len(chosen) < rows:
            cells = cells.take(pa.array(np.add.outer(np.arange(len(places)) * rows, chosen).ravel()))
        parts.append(_binary(cells, name, spelled))
        order[:, places] = before + np.arange(len(cells)).reshape(len(places), -1).T
        before += len(cells)
    return pa.concat_arrays(parts).take(pa.array(order.ravel()))


def _hashed(cells: pa.BinaryArray, width: int) -> Digests:
    """Returns the digest of every so many cells, of their lengths and their bytes."""
    lengths = _lengths(cells).astype("<i4").tobytes()
    _, offsets, data = cells.buffers()
    ends = np.frombuffer(offsets, np.int32, len(cells) + 1, 4 * cells.offset)[::width].tolist()
    content, step = memoryview(data or b""), 4 * width
    hashed = []
    for at, (begin, end) in enumerate(pairwise(ends)):
        digest = hashlib.blake2b(lengths[at * step : (at + 1) * step], digest_size=DIGEST_BYTES)
        digest.update(content[begin:end])
        hashed.append(digest.digest())
    return np.frombuffer(b"".join(hashed), np.uint8).reshape(len(hashed), DIGEST_BYTES)


def _alike(columns: Sequence[pa.Array]) -> tuple[list[list[int]], list[int]]:
    """Returns columns that are numbers of one type, or text that is plain numbers, and the others."""
    numbers: dict[pa.DataType, list[int]] = {}
    words, others = [], []
    for place, column in enumerate(columns):
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            numbers.setdefault(column.type, []).append(place)
        elif pa.types.is_string(column.type):
            words.append(place)
        else:
            others.append(place)
    plain = plain_columns([columns[place] for place in words]) if len(words) >= _MANY else ()
    texts_of = [[words[at] for at in some] for some in plain if some]
    together = {place for some in texts_of for place in some}
    rest = [place for place in words if place not in together]
    return [*numbers.values(), *texts_of], sorted([*others, *rest])


def _binary(column: pa.Array, name: str, spelled: _Spelling) -> pa.Array:
    if pa.types.is_nested(column.type):
        raise DataError(
            f"expected numbers, text or encoded files, found {column.type}",
            field=name,
            hint=f"Leave it out with data.drop: [{name}].",
        )
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return column.cast(pa.binary())
    return spelled(column).cast(pa.binary())


def _unpadded(column: pa.Array) -> pa.StringArray:
    """Returns a column as text in which ``3.`` and ``3.00`` are ``3``, and ``1.50`` is ``1.5``."""
    words = texts(column)
    ends = pc.or_(pc.ends_with(words, "0"), pc.ends_with(words, "."))
    padded = pc.fill_null(pc.and_(ends, pc.match_substring(words, ".")), False)
    if not pc.any(padded).as_py():
        return words
    numbers = pc.replace_substring_regex(words.filter(padded), _PADDED, r"\1\2")
    return pc.replace_with_mask(words, padded, numbers)


def _lengths(column: pa.Array) -> npt.NDArray[Any]:
    lengths: npt.NDArray[Any] = pc.fill_null(pc.binary_length(column), _MISSING).to_numpy(
        zero_copy_only=False
    )
    return lengths


_SPELLINGS: dict[int, _Spelling] = {1: _unpadded, 2: canonical}
