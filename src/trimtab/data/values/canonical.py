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

from trimtab.data.values.values import all_numbers, plain, texts

_WHOLE = r"^[+-]?(0|[1-9]\d*)$"
_BROKEN = r"^[+-]?(\d+\.\d*|\.\d+|(0|[1-9]\d*)[eE][+-]?\d+|(\d+\.\d*|\.\d+)[eE][+-]?\d+)$"
_PROBED = 16
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
    """Tries first what most columns are: whole numbers in one spelling already, or fractions."""
    if _are_whole(words):
        return words
    numbers = all_numbers(words)
    if numbers is None:
        return _any_words(words)
    broken = pc.fill_null(pc.match_substring(words, "."), False)
    if pc.all(broken).as_py():
        return pc.coalesce(_spelled(numbers), words)
    others = pc.invert(broken)
    rest = words.filter(others)
    if not _are_whole(rest):
        rest = _any_words(rest)
    return pc.replace_with_mask(pc.coalesce(_spelled(numbers), words), others, rest)


def _are_whole(words: pa.StringArray) -> bool:
    """Returns whether each is a whole number of 64 bits as it is spelled, or missing."""
    try:
        words[:_PROBED].cast(pa.int64())
        numbers = words.cast(pa.int64())
    except pa.ArrowInvalid:
        return False
    return bool(numbers.cast(pa.string()).equals(words))


def _any_words(words: pa.StringArray) -> pa.StringArray:
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
    exact = finite & ~whole & (narrow == values) & (np.abs(narrow) >= _LEAST_FLOAT32)
    spelled = [_masked(values, finite & ~whole & ~exact)]
    if exact.any():
        spelled.append(_masked(narrow, exact))
    if long.any():
        spelled.append(_long(values, long))
    if short.any():
        spelled.append(_masked(np.where(short, values, 0).astype(np.int64), short))
    return pc.coalesce(*spelled) if len(spelled) > 1 else spelled[0]


def _masked(values: npt.NDArray[np.generic], known: npt.NDArray[np.bool_]) -> pa.StringArray:
    return pa.array(values, mask=~known).cast(pa.string())


def _long(values: npt.NDArray[np.float64], chosen: npt.NDArray[np.bool_]) -> pa.StringArray:
    """Returns whole numbers beyond those that float64 holds without gaps, digit by digit."""
    if not chosen.any():
        return pa.nulls(len(values), pa.string())
    return pa.array([str(int(v)) if c else None for v, c in zip(values, chosen, strict=True)], pa.string())
