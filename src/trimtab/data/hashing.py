"""Hashes of rows by their content: what the split and the fingerprint are made of.

A row's bytes are, for its columns in the order of their names, the length of every value and then the values
themselves: text as ``trimtab.data.values.texts`` writes it, encoded files as they are. They do not depend on
the order of rows or columns, on where a partition begins, or on the format that the rows are stored in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.values import texts
from trimtab.errors import DataError

Digests = npt.NDArray[np.uint8]
DIGEST_BYTES = 32
_MISSING = -1


def row_digests(batch: pa.RecordBatch, names: Iterable[str]) -> Digests:
    """Returns the BLAKE2b-256 digest of every row, ``(rows, 32)``.

    Args:
        batch: Rows as a reader gives them.
        names: The columns that count; their order does not.

    Raises:
        DataError: If a column holds lists or structs.
    """
    columns = [_binary(batch.column(name), name) for name in sorted(names)]
    if not columns:
        columns = [pa.array([b""] * batch.num_rows, pa.binary())]
    lengths = np.stack([_lengths(column) for column in columns], axis=1)
    prefix = lengths.astype("<i4").tobytes()
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


def _binary(column: pa.Array, name: str) -> pa.Array:
    if pa.types.is_nested(column.type):
        raise DataError(
            f"expected numbers, text or encoded files, found {column.type}",
            field=name,
            hint=f"Leave it out with data.drop: [{name}].",
        )
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return column.cast(pa.binary())
    return texts(column).cast(pa.binary())


def _lengths(column: pa.Array) -> npt.NDArray[Any]:
    lengths: npt.NDArray[Any] = pc.fill_null(pc.binary_length(column), _MISSING).to_numpy(
        zero_copy_only=False
    )
    return lengths
