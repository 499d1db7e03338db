"""One spelling of every value, however a file writes it: what rows are hashed by.

``.5``, ``0.50`` and ``5e-1`` are ``0.5``; ``1e3`` and ``+1000.`` are ``1000``; ``-0`` is ``0``. A fraction
that float32 holds exactly is written with the digits that float32 needs: ``0.1`` is the same in a column
of float32, in one of float64 that was made of it (``0.10000000149011612``), and as text. Nothing is
rounded: other numbers keep every digit. Digits after a zero (``007``) are a code, no number. Text is in
Unicode's normalization form C, in which an ``é`` of two characters is that of one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.values.values import plain, texts

_WHOLE = r"^[+-]?(0|[1-9]\d*)$"
_BROKEN = r"^[+-]?(\d+\.\d*|\.\d+|(0|[1-9]\d*)[eE][+-]?\d+|(\d+\.\d*|\.\d+)[eE][+-]?\d+)$"
_EXACT_WHOLE = 2.0**53
_LEAST_FLOAT32 = np.finfo(np.float32).tiny


def canonical(column: pa.Array) -> pa.StringArray:
    """Returns a column as text of the same length in one spelling, and null where it is missing.

    Args:
        column: Any column but a binary one.
    """
    column = plain(column)
    if pa.types.is_floating(column.type):
        return _spelled(column.cast(pa.float64()))
    words = texts(column)
    return _words(words) if pa.types.is_string(column.type) else words


def _words(words: pa.StringArray) -> pa.StringArray:
    if not pc.all(pc.string_is_ascii(words)).as_py():
        words = pc.utf8_normalize(words, "NFC")
    whole = _matching(words, _WHOLE)
    signed = pc.replace_substring_regex(words.filter(whole), r"^\+|^-(0)$", r"\1")
    words = pc.replace_with_mask(words, whole, signed)
    broken = _matching(words, _BROKEN)
    if not pc.any(broken).as_py():
        return words
    written = words.filter(broken)
    return pc.replace_with_mask(words, broken, pc.coalesce(_spelled(written.cast(pa.float64())), written))


def _matching(words: pa.StringArray, pattern: str) -> pa.BooleanArray:
    return pc.fill_null(pc.match_substring_regex(words, pattern), False)


def _spelled(numbers: pa.DoubleArray) -> pa.StringArray:
    """Returns numbers in one spelling; null where they are missing or not finite."""
    values = np.asarray(pc.fill_null(numbers, np.nan))
    finite = np.isfinite(values)
    whole = finite & (values == np.trunc(values))
    short, long = whole & (np.abs(values) < _EXACT_WHOLE), whole & (np.abs(values) >= _EXACT_WHOLE)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        narrow = values.astype(np.float32)
    exact = finite & (narrow == values) & (np.abs(narrow) >= _LEAST_FLOAT32)
    return pc.coalesce(
        _masked(np.where(short, values, 0).astype(np.int64), short),
        _long(values, long),
        _masked(narrow, exact),
        _masked(values, finite),
    )


def _masked(values: npt.NDArray[np.generic], known: npt.NDArray[np.bool_]) -> pa.StringArray:
    return pa.array(values, mask=~known).cast(pa.string())


def _long(values: npt.NDArray[np.float64], chosen: npt.NDArray[np.bool_]) -> pa.StringArray:
    """Returns whole numbers beyond those that float64 holds without gaps, digit by digit."""
    if not chosen.any():
        return pa.nulls(len(values), pa.string())
    return pa.array([str(int(v)) if c else None for v, c in zip(values, chosen, strict=True)], pa.string())
