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
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.values.canonical import canonical
from trimtab.data.values.plain import plain_columns
from trimtab.data.values.values import texts
from trimtab.errors import DataError

Digests = npt.NDArray[np.uint8]
DIGEST_BYTES = 32
_Spelling = Callable[[pa.Array], pa.StringArray]
SPELLING = 2
_MISSING = -1
_CELLS_AT_A_TIME = 4 << 20
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
    most = max(1, _CELLS_AT_A_TIME // max(1, len(chosen)))
    if batch.num_rows > most:
        parts = (batch.slice(start, most) for start in range(0, batch.num_rows, most))
        return np.concatenate([row_digests(part, chosen, spelling) for part in parts])
    columns, lengths = _spelled(batch, chosen, _SPELLINGS[spelling])
    if not columns:
        columns = [pa.array([b""] * batch.num_rows, pa.binary())]
        lengths = np.zeros((batch.num_rows, 1), "<i4")
    prefix = lengths.tobytes()
    step = 4 * len(columns)
    joined = pc.binary_join_element_wise(
        *columns, b"", null_handling="replace", null_replacement=b""
    ).to_pylist()
    hashed = [
        hashlib.blake2b(prefix[at : at + step] + value, digest_size=DIGEST_BYTES).digest()
        for at, value in zip(range(0, len(prefix), step), joined, strict=True)
    ]
    return np.frombuffer(b"".join(hashed), np.uint8).reshape(len(hashed), DIGEST_BYTES)


def joined_digests(digests: Digests, other: Digests) -> Digests:
    """Returns the BLAKE2b-256 digest of every pair of digests, ``(rows, 32)``."""
    pairs = np.concatenate([digests, other], axis=1).tobytes()
    step = 2 * DIGEST_BYTES
    hashed = [
        hashlib.blake2b(pairs[at : at + step], digest_size=DIGEST_BYTES).digest()
        for at in range(0, len(pairs), step)
    ]
    return np.frombuffer(b"".join(hashed), np.uint8).reshape(len(hashed), DIGEST_BYTES)


def _spelled(
    batch: pa.RecordBatch, names: Sequence[str], spelled: _Spelling
) -> tuple[list[pa.Array], npt.NDArray[np.int32]]:
    """Returns columns as bytes, and their lengths ``(rows, columns)``; what is alike is spelled at once."""
    places = {name: place for place, name in enumerate(batch.schema.names)}
    columns = [batch.column(places[name]) for name in names]
    lengths = np.empty((batch.num_rows, len(names)), "<i4")
    together, alone = _alike(columns)
    for place in alone:
        columns[place] = _binary(columns[place], names[place], spelled)
        lengths[:, place] = _lengths(columns[place])
    for chosen in together:
        joined = _binary(pa.concat_arrays([columns[place] for place in chosen]), "", spelled)
        lengths[:, chosen] = _lengths(joined).reshape(len(chosen), batch.num_rows).T
        for at, place in enumerate(chosen):
            columns[place] = joined.slice(at * batch.num_rows, batch.num_rows)
    return columns, lengths


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
    plain = plain_columns([columns[place] for place in words]) if len(words) >= _MANY else []
    whole = {words[at] for at in plain}
    rest = [place for place in words if place not in whole]
    blocks = [*numbers.values(), *([sorted(whole)] if whole else [])]
    return blocks, sorted([*others, *rest])


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
