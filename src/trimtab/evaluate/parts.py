"""The parts of the test rows for which limits hold alone: slices by the values of a column."""

from __future__ import annotations

from calendar import timegm
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trimtab.config.limits import Slice
from trimtab.data.kinds.notations import notation_of_cells
from trimtab.data.values.notation import PLAIN, DateNotation, Notation
from trimtab.errors import DataError

MOST_VALUES = 50
_MISSING = "missing"
_WHAT = {"numbers": "number", "dates": "date"}


@dataclass(frozen=True)
class Part:
    """A slice.

    Attributes:
        name: In words, such as ``region = north`` or ``30 <= age < 60``.
        rows: Returns which rows are in it, given the columns of a split as text.
    """

    name: str
    rows: Callable[[Mapping[str, pa.StringArray]], NDArray[np.bool_]]


def parts(asked: Slice, column: pa.StringArray, notation: Notation | None = None) -> Iterator[Part]:
    """Yields the slices of a column: its ranges, or the values that the test rows have.

    Args:
        asked: The column, and where ranges end.
        column: Its values in the test rows, ``(n,)``.
        notation: How its numbers or dates are written, if the model's columns say so; None: as the test rows
            show.

    Raises:
        DataError: If there are too many values, or no numbers or dates for ranges.
    """
    if asked.bins is not None:
        known = notation or notation_of_cells(asked.column, column)
        if isinstance(known, DateNotation) and known.is_of_numbers and not isinstance(asked.bins[0], date):
            known = PLAIN  # seconds since 1970 and days such as 20251231 are numbers, too
        yield from _ranges(asked.column, asked.bins, column, known)
        return
    names = sorted(str(value) for value in column.unique().to_pylist() if value is not None)
    if len(names) > MOST_VALUES:
        raise DataError(
            f"it has {len(names):,} values in the test rows: more than {MOST_VALUES} slices",
            field=asked.column,
            hint=f"In budget.slices, give ranges: {{column: {asked.column}, bins: […]}}, or another column.",
        )
    for name in names:
        yield Part(f"{asked.column} = {name}", _equal(asked.column, name))
    if column.null_count:
        yield Part(f"{asked.column} {_MISSING}", _missing(asked.column))


def _ranges(
    column: str, bins: Sequence[float | date], texts: pa.StringArray, notation: Notation
) -> Iterator[Part]:
    numbers = _numbers(texts, notation)
    if not np.isfinite(numbers).any():
        raise DataError(
            f"none of its values in the test rows is a {_WHAT[notation.of]}",
            field=column,
            hint="In budget.slices, leave bins out: each of its values is a slice.",
        )
    _check_bins(column, bins, notation)
    edges = [None, *bins, None]
    for low, high in pairwise(edges):
        begin, end = (None if edge is None else _written(edge) for edge in (low, high))
        name = f"{column}{f' < {end}' if end else ''}"
        name = f"{begin} <= {name}" if begin and end else f"{column} >= {begin}" if begin else name
        yield Part(name, _between(column, _number(low, -np.inf), _number(high, np.inf), notation))
    if not np.isfinite(numbers).all():
        yield Part(f"{column} {_MISSING}", lambda columns: ~np.isfinite(_numbers(columns[column], notation)))


def _check_bins(column: str, bins: Sequence[float | date], notation: Notation) -> None:
    """Refuses numbers as the ends of dates, and the other way about."""
    is_date = isinstance(notation, DateNotation)
    if isinstance(notation, DateNotation) and not notation.has_date:
        raise DataError("its values are times of day, which have no bins", field=column)
    if any(isinstance(edge, date) != is_date for edge in bins):
        expected = "dates, such as 2024-01-31" if is_date else "numbers"
        raise DataError(
            f"its values are {_WHAT[notation.of]}s, and its bins are not",
            field=column,
            hint=f"In budget.slices, give bins that are {expected}.",
        )


def _written(edge: float | date) -> str:
    return edge.isoformat() if isinstance(edge, date) else f"{edge:g}"


def _number(edge: float | date | None, none: float) -> float:
    """Returns an edge as columns are read: of a date, seconds since 1970 in UTC."""
    if edge is None:
        return none
    return float(timegm(edge.timetuple())) if isinstance(edge, date) else edge


def _equal(column: str, name: str) -> Callable[[Mapping[str, pa.StringArray]], NDArray[np.bool_]]:
    return lambda columns: np.array([value == name for value in columns[column].to_pylist()], bool)


def _missing(column: str) -> Callable[[Mapping[str, pa.StringArray]], NDArray[np.bool_]]:
    return lambda columns: np.array([value is None for value in columns[column].to_pylist()], bool)


def _between(
    column: str, low: float, high: float, notation: Notation
) -> Callable[[Mapping[str, pa.StringArray]], NDArray[np.bool_]]:
    def rows(columns: Mapping[str, pa.StringArray]) -> NDArray[np.bool_]:
        numbers = _numbers(columns[column], notation)
        return np.asarray((numbers >= low) & (numbers < high))

    return rows


def _numbers(texts: pa.StringArray, notation: Notation) -> NDArray[np.float64]:
    """Returns text as numbers, of dates as seconds, nan where it is neither."""
    numbers: NDArray[Any] = notation.read(texts).to_numpy(zero_copy_only=False)
    return numbers.astype(np.float64)
