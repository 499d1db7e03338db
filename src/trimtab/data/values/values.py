"""How raw values are read: one meaning of text, numbers and missing values for fit, shards and serving.

Readers of untyped formats (CSV) yield strings, exactly as they stand in the file, so that no value depends on
where a partition begins. What a string means is decided here, value by value.
"""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MISSING_NUMBERS = frozenset(
    "|".join(
        (
            "|?|#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>",
            "N/A|NA|NULL|NaN|None|n/a|nan|null|NAN|none",
        )
    ).split("|")
)
MISSING_TEXTS = pa.array(sorted(MISSING_NUMBERS))
"""The same for Arrow."""

LARGEST = 3.4e38  # a model's input is float32
_PROBED = 16
_AS_TEXT = frozenset([pa.large_string(), pa.string_view(), pa.null()])
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def texts(column: pa.Array) -> pa.StringArray:
    """Returns a column as text of the same length: trimmed, and null where it is missing (null or blank).

    Whole numbers are written without a fraction (``3``), booleans as ``true`` and ``false``, so that a class
    has the same name whether it was stored as an integer or as a float. ``NA`` and its like are values here:
    they are the names of continents, salts and classes.

    Args:
        column: Any column but a binary one.
    """
    column = plain(column)
    if pa.types.is_string(column.type):
        trimmed = pc.utf8_trim_whitespace(column)
        return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
    if pa.types.is_floating(column.type):
        numbers = column.cast(pa.float64())
        numbers = pc.if_else(pc.is_finite(numbers), numbers, pa.scalar(None, pa.float64()))
        whole = pc.and_(pc.equal(numbers, pc.round(numbers)), pc.less(pc.abs(numbers), 2.0**53))
        integers = pc.if_else(whole, numbers, pa.scalar(None, pa.float64())).cast(pa.int64())
        return pc.coalesce(integers.cast(pa.string()), numbers.cast(pa.string()))
    return column.cast(pa.string())


def numbers(column: pa.Array) -> pa.DoubleArray:
    """Returns a column as float64 of the same length: null where it is missing, no number or no float32.

    Args:
        column: Any column but a binary one.
    """
    column = plain(column)
    if pa.types.is_string(column.type):
        if (plain_numbers := all_numbers(column)) is not None:
            return in_range(plain_numbers)
        encoded = column.dictionary_encode()
        return parse(encoded.dictionary).take(encoded.indices)
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64())
    return in_range(column if pa.types.is_float64(column.type) else column.cast(pa.float64(), safe=False))


def missing_numbers(column: pa.Array) -> pa.BooleanArray:
    """Returns which values are missing where a number is expected; words that are no number are not.

    Args:
        column: Any column but a binary one.
    """
    column = plain(column)
    if pa.types.is_string(column.type):
        known = pc.fill_null(pc.utf8_trim_whitespace(column), "")
        return pc.is_in(known, MISSING_TEXTS)
    return pc.is_null(numbers(column))


def folded(text: str) -> str:
    """Returns a name without what differs by accident: case, form of its letters, repeated blanks.

    >>> folded(" New  York")
    'new york'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def plain(column: pa.Array) -> pa.Array:
    """Returns a column without chunks, dictionaries and 64-bit offsets, which carry no meaning."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string()) if column.type in _AS_TEXT else column


def parse(strings: pa.StringArray) -> pa.DoubleArray:
    """Returns texts as ``numbers`` does: of values that are all different, in half the time."""
    if (numbers := all_numbers(strings)) is not None:
        return in_range(numbers)
    if (numbers := all_numbers(without_missing(strings))) is not None:
        return in_range(numbers)
    trimmed = pc.utf8_trim_whitespace(strings)
    is_number = pc.match_substring_regex(trimmed, _NUMBER)
    return in_range(pc.if_else(is_number, trimmed, pa.scalar(None, pa.string())).cast(pa.float64()))


def without_missing(strings: pa.StringArray) -> pa.StringArray:
    """Returns texts, and null where one says that a number is missing."""
    return pc.if_else(pc.is_in(strings, MISSING_TEXTS), pa.scalar(None, pa.string()), strings)


def all_numbers(strings: pa.StringArray) -> pa.DoubleArray | None:
    """Returns texts as finite numbers, if each is a plain one as Arrow reads it; it reads no sign ``+``.

    Args:
        strings: Texts; missing ones stay missing.
    """
    try:
        strings[:_PROBED].cast(pa.float64())  # to find out at the end that one is none takes long
        numbers = strings.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return numbers if pc.all(pc.is_finite(numbers)).as_py() is not False else None


def in_range(parsed: pa.DoubleArray) -> pa.DoubleArray:
    """Returns numbers, and null where one is no float32: also of infinity, and of what is no number."""
    if not parsed.null_count and len(parsed) and np.abs(np.asarray(parsed)).max() < LARGEST:
        return parsed
    return pc.if_else(pc.less(pc.abs(parsed), LARGEST), parsed, pa.scalar(None, pa.float64()))
