"""When a row happened: dates and times of ISO 8601, timestamps, or plain numbers, on one scale."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.values.values import numbers, plain, texts

Scale = Literal["dates", "numbers"]
_ZONED = r"[T ].*(Z|[+-]\d{2}(:?\d{2})?)$"
_UTC = pa.timestamp("us", "UTC")
_MICROSECONDS = 1e6


class Times(NamedTuple):
    """The times of some rows.

    Attributes:
        scale: Whether they are dates or numbers; None where there are no rows.
        values: Seconds since 1970-01-01 UTC, or the numbers, ``(rows,)``; NaN where there is no time.
    """

    scale: Scale | None
    values: npt.NDArray[np.float64]


def times(column: pa.Array) -> Times:
    """Returns when rows happened; dates without a zone are taken as UTC.

    Args:
        column: Any column but a binary one.
    """
    column = plain(column)
    if not len(column):
        return Times(None, np.empty(0))
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return Times("dates", _seconds(column.cast(pa.timestamp("us"), safe=False)))
    parsed = numbers(column)
    if parsed.null_count == texts(column).null_count:
        return Times("numbers" if parsed.null_count < len(parsed) else None, _floats(parsed))
    return Times("dates", _seconds(_dates(texts(column))))


def _dates(words: pa.StringArray) -> pa.TimestampArray:
    zoned = pc.fill_null(pc.match_substring_regex(words, _ZONED), False)
    with_zone = _parsed(pc.if_else(zoned, words, None), _UTC).cast(pa.timestamp("us"))
    return pc.coalesce(with_zone, _parsed(pc.if_else(zoned, None, words), pa.timestamp("us")))


def _parsed(words: pa.StringArray, kind: pa.DataType) -> pa.TimestampArray:
    """Returns words as timestamps, null where they are none."""
    try:
        return words.cast(kind)
    except pa.ArrowInvalid:  # some are none, and only one by one can it be said which
        return pa.array([_parsed_one(word, kind) for word in words], kind)


def _parsed_one(word: pa.StringScalar, kind: pa.DataType) -> pa.TimestampScalar | None:
    try:
        return word.cast(kind)
    except pa.ArrowInvalid:
        return None


def _seconds(stamps: pa.TimestampArray) -> npt.NDArray[np.float64]:
    return _floats(stamps.cast(pa.int64()).cast(pa.float64(), safe=False)) / _MICROSECONDS


def _floats(values: pa.DoubleArray) -> npt.NDArray[np.float64]:
    floats: npt.NDArray[np.float64] = np.asarray(pc.fill_null(values, np.nan), np.float64)
    return floats
