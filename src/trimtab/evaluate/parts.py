"""The parts of the test rows for which limits hold alone: slices by the values of a column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trimtab.config.limits import Slice
from trimtab.data.values import values
from trimtab.errors import DataError

MOST_VALUES = 50
_MISSING = "missing"


@dataclass(frozen=True)
class Part:
    """A slice.

    Attributes:
        name: In words, such as ``region = north`` or ``30 <= age < 60``.
        rows: Returns which rows are in it, given the columns of a split as text.
    """

    name: str
    rows: Callable[[Mapping[str, pa.StringArray]], NDArray[np.bool_]]


def parts(asked: Slice, column: pa.StringArray) -> Iterator[Part]:
    """Yields the slices of a column: its ranges, or the values that the test rows have.

    Args:
        asked: The column, and where ranges end.
        column: Its values in the test rows, ``(n,)``.

    Raises:
        DataError: If there are too many values, or no numbers for ranges.
    """
    if asked.bins is not None:
        yield from _ranges(asked.column, asked.bins, column)
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


def _ranges(column: str, bins: list[float], texts: pa.StringArray) -> Iterator[Part]:
    numbers = _numbers(texts)
    if not np.isfinite(numbers).any():
        raise DataError(
            "none of its values in the test rows is a number",
            field=column,
            hint="In budget.slices, leave bins out: each of its values is a slice.",
        )
    edges = [-np.inf, *bins, np.inf]
    for low, high in pairwise(edges):
        begin = f"{low:g} <= " if np.isfinite(low) else ""
        end = f" < {high:g}" if np.isfinite(high) else ""
        name = f"{begin}{column}{end}" if end else f"{column} >= {low:g}"
        yield Part(name, _between(column, low, high))
    if not np.isfinite(numbers).all():
        yield Part(f"{column} {_MISSING}", lambda columns: ~np.isfinite(_numbers(columns[column])))


def _equal(column: str, name: str) -> Callable[[Mapping[str, pa.StringArray]], NDArray[np.bool_]]:
    return lambda columns: np.array([value == name for value in columns[column].to_pylist()], bool)


def _missing(column: str) -> Callable[[Mapping[str, pa.StringArray]], NDArray[np.bool_]]:
    return lambda columns: np.array([value is None for value in columns[column].to_pylist()], bool)


def _between(
    column: str, low: float, high: float
) -> Callable[[Mapping[str, pa.StringArray]], NDArray[np.bool_]]:
    def rows(columns: Mapping[str, pa.StringArray]) -> NDArray[np.bool_]:
        numbers = _numbers(columns[column])
        return np.asarray((numbers >= low) & (numbers < high))

    return rows


def _numbers(texts: pa.StringArray) -> NDArray[np.float64]:
    """Returns text as numbers, nan where it is none."""
    numbers: NDArray[Any] = values.numbers(texts).to_numpy(zero_copy_only=False)
    return numbers.astype(np.float64)
