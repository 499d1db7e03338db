"""Numbers, categories and points in time as one vector of floats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.encoders import pieces
from trimtab.data.encoders.form import RANGE
from trimtab.data.kinds.base import Encoded, InputKind
from trimtab.data.schema import Column, TensorSpec
from trimtab.data.statistics.distributions import Categories, Distribution, Numbers, categories
from trimtab.data.values.dates import DAY_S, written
from trimtab.data.values.notation import DateNotation, Unread, unseen
from trimtab.data.values.values import LARGEST, numbers, texts

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.config.model import InputRange
    from trimtab.data.statistics.column import ColumnSummary
    from trimtab.data.statistics.summary import Summary

MAX_CATEGORIES = 64
_LEAST_STEPS = 2_000
_SHOWN = 5
_BLOCK_CELLS = 1 << 20
_CYCLES_S = {
    "month": (365.2425 * DAY_S, 0.0),
    "weekday": (7.0 * DAY_S, 3.0 * DAY_S),
    "hour": (1.0 * DAY_S, 0.0),
}
"""Length of a cycle, and what is added to seconds since 1970 so that it begins with it (a Monday)."""
_AS_IT_IS = {"mean": 0.0, "std": 1.0, "missing": False}
_QUARTILES_SD, _FARTHEST_SD = 1.349, 4.0
"""Between a normal distribution's quartiles, and where values that are drawn in end: in deviations."""
Floats = npt.NDArray[np.float32]


def fit(
    columns: Sequence[Column],
    summary: Summary,
    config: Data,  # noqa: ARG001
    input_range: InputRange = "standardized",
) -> dict[str, Any]:
    """Returns the settings of a ``TabularEncoder``.

    Args:
        columns: Numeric, categorical and datetime columns.
        summary: The summary of the training split.
        config: The config's data section, which has nothing of tables.
        input_range: ``raw``: numbers stay as they are, each in one place, the median where one is missing.
    """
    fitted, is_raw = [], input_range == "raw"
    medians = summary.sample.medians([column.name for column in columns if column.kind != "categorical"])
    for column in columns:
        statistics = summary.columns[column.name]
        if column.kind == "categorical":
            fitted.append(_fit_categories(column.name, statistics))
            continue
        median = medians.get(column.name, statistics.mean)  # few numbers may be in no sampled row
        numeric = _fit_numbers(column.name, statistics, median, summary.rows)
        if column.kind == "datetime":
            numeric |= {"kind": "datetime", "cycles": _cycles(column)}
        fitted.append({**numeric, **_AS_IT_IS} if is_raw and column.kind == "numeric" else numeric)
    return {"kind": "tabular", "columns": fitted, **({RANGE: "raw"} if is_raw else {})}


def in_pieces(settings: dict[str, Any], summary: Summary) -> dict[str, Any]:
    """Returns settings by which numbers are also given in pieces, which follow all else.

    The number itself is then counted from the median in shares of the quartiles' distance, and far values are
    drawn in (Holzmüller et al., "Better by Default", NeurIPS 2024): an outlier moves neither the others nor
    the range that 8 bits have to cover. A table of very many columns stays as it is.

    Args:
        settings: What ``fit`` gave.
        summary: The summary of the training split.
    """
    count = sum(column["kind"] == "numeric" for column in settings["columns"])
    if count > pieces.MOST_COLUMNS:
        return settings
    columns = [
        {**column, **_robust(column, summary), **pieces.fit(column["name"], summary, count)}
        if column["kind"] == "numeric"
        else column
        for column in settings["columns"]
    ]
    return {**settings, "columns": columns}


def _robust(column: dict[str, Any], summary: Summary) -> dict[str, Any]:
    """Returns the scale of a column's numbers by their quartiles; where these are one, by the deviation."""
    low, median, high = summary.quantiles(column["name"], [0.25, 0.5, 0.75]) or [0.0] * 3
    deviation = (high - low) / _QUARTILES_SD if high > low else column["std"]
    return {"mean": median, "std": deviation, "drawn_in": True}


def plain_width(settings: dict[str, Any]) -> int:
    """Returns how many slots come before those of pieces."""
    return sum(_COLUMNS[column["kind"]](column).width for column in settings["columns"])


def _fit_numbers(name: str, statistics: ColumnSummary, median: float, rows: int) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "numeric",
        "median": median,
        "mean": statistics.mean,
        "std": float(np.sqrt(statistics.variance)) or 1.0,
        "missing": statistics.numbers < rows,
    }


def _cycles(column: Column) -> list[str]:
    notation = column.notation
    assert isinstance(notation, DateNotation)
    return [*(["month", "weekday"] if notation.has_date else []), *(["hour"] if notation.has_time else [])]


def _fit_categories(name: str, statistics: ColumnSummary) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "categorical",
        "values": list(statistics.frequent.top(MAX_CATEGORIES)),
        "missing": statistics.missing > 0,
    }


class TabularEncoder:
    """Turns numeric, categorical and datetime columns into one vector.

    A numeric column becomes its standardized value (the median where it is missing) and, if values were
    missing in the training split, 1 where it is missing. A categorical column becomes one slot for each of
    its most frequent training values, one for missing ones if there were any, and one for everything else. A
    datetime column becomes what a numeric one does, of its seconds, and sine and cosine of its place in the
    year, the week and the day, as far as it has them; 0 where it is missing. Behind all of them stand the
    pieces of the numeric columns that have some.
    """

    vocabulary_size = None

    def __init__(self, settings: dict[str, Any]) -> None:
        self._columns = [_COLUMNS[column["kind"]](column) for column in settings["columns"]]
        self._ends = np.cumsum([column.width for column in self._columns]).tolist()
        parts = [column for column in self._columns if isinstance(column, _Numbers) and column.pieces]
        self._in_pieces = [(column, column.pieces) for column in parts if column.pieces]
        width = sum(part.width for part in (*self._columns, *(found for _, found in self._in_pieces)))
        self.spec = TensorSpec(kind="tabular", shape=(width,), stored_dtype="float32")

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """See ``Encoder``."""
        x = np.zeros((batch.num_rows, *self.spec.shape), np.float32)
        places = {name: place for place, name in enumerate(batch.schema.names)}
        step = max(1, _BLOCK_CELLS // max(1, batch.num_rows))
        together: list[tuple[_Numbers, pa.Array, int]] = []
        others: list[Unread] = []
        for column, end in zip(self._columns, self._ends, strict=True):
            values = batch.column(places[column.name])
            if isinstance(column, _Categories):
                others += column.fill(x[:, end - column.width : end], values)
                continue
            if isinstance(column, _Dates) or column.is_drawn_in or not _is_number(values.type):
                column.fill(x[:, end - column.width : end], values)
                continue
            together.append((column, values, end - column.width))
            if len(together) == step:
                _fill(x, together)
                together = []
        _fill(x, together)
        at = self._ends[-1] if self._ends else 0
        for numeric, found in self._in_pieces:
            found.fill(x[:, at : at + found.width], numeric.filled(batch.column(places[numeric.name])))
            at += found.width
        return Encoded(x, unread=others)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _fill(x: Floats, block: list[tuple[_Numbers, pa.Array, int]]) -> None:
    """Writes columns of numbers as ``_Numbers.fill`` does, all at once: of a wide table they are many.

    Args:
        x: The rows' vectors, ``(rows, width)``.
        block: What is known of each column, its values, and where in the vector it begins.
    """
    if not block:
        return
    columns, arrays, starts = zip(*block, strict=True)
    matrix = np.empty((len(block), len(x)))
    for row, values in zip(matrix, arrays, strict=True):
        row[:] = np.asarray(values)
    median, mean, std = (
        np.array([getattr(column, name) for column in columns])[:, None] for name in ("median", "mean", "std")
    )
    known = np.abs(matrix) < LARGEST  # also false of what is missing
    if not known.all():
        matrix = np.where(known, matrix, median)
    x[:, starts] = ((matrix - mean) / std).T
    for at, (column, start) in enumerate(zip(columns, starts, strict=True)):
        if column.width == 2:
            x[:, start + 1] = ~known[at]


class _Numbers:
    """A numeric column's share of the vector."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.name = str(settings["name"])
        self.median = float(settings["median"])
        self.mean, self.std = float(settings["mean"]), float(settings["std"])
        self.is_drawn_in = bool(settings.get("drawn_in"))
        self.width = 2 if settings["missing"] else 1
        self.pieces = pieces.Pieces(settings[pieces.PIECES]) if pieces.PIECES in settings else None

    def filled(self, values: pa.Array) -> npt.NDArray[np.float64]:
        """Returns the rows' numbers, the median where there is none, ``(rows,)``."""
        found = pc.fill_null(numbers(values), self.median).to_numpy(zero_copy_only=False)
        return np.asarray(found, np.float64)

    def fill(self, x: Floats, values: pa.Array) -> None:
        """Writes the rows' values into ``x (rows, width)``, which holds zeros."""
        scaled = (self.filled(values) - self.mean) / self.std
        x[:, 0] = scaled / np.sqrt(1 + (scaled / _FARTHEST_SD) ** 2) if self.is_drawn_in else scaled
        if self.width == 2:
            x[:, 1] = pc.is_null(numbers(values)).to_numpy(zero_copy_only=False)


class _Dates:
    """A datetime column's share of the vector."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.name = str(settings["name"])
        self._position = _Numbers(settings)
        self._cycles = [_CYCLES_S[name] for name in settings["cycles"]]
        self.width = self._position.width + 2 * len(self._cycles)

    def fill(self, x: Floats, values: pa.Array) -> None:
        """Writes the rows' values into ``x (rows, width)``, which holds zeros."""
        self._position.fill(x[:, : self._position.width], values)
        seconds = numbers(values).to_numpy(zero_copy_only=False)
        known = ~np.isnan(seconds)
        for place, (length_s, offset_s) in enumerate(self._cycles):
            angles = 2 * np.pi * ((seconds[known] + offset_s) % length_s) / length_s
            at = self._position.width + 2 * place
            x[known, at], x[known, at + 1] = np.sin(angles), np.cos(angles)


class _Categories:
    """A categorical column's share of the vector."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.name = str(settings["name"])
        self._values = pa.array(settings["values"], pa.string())
        self._missing_at = len(self._values) if settings["missing"] else len(self._values) + 1
        self._other_at = len(self._values) + int(settings["missing"])
        # Where all of the training have a slot of their own, no row of it was in the one for others.
        self._has_all = len(self._values) < MAX_CATEGORIES
        self.width = self._other_at + 1

    def fill(self, x: Floats, values: pa.Array) -> list[Unread]:
        """Writes the rows' values into ``x (rows, width)``, which holds zeros, and returns those unseen."""
        present = texts(values)
        places = pc.index_in(present, self._values)
        known = pc.fill_null(places, self._other_at)
        slots = pc.if_else(pc.is_null(present), min(self._missing_at, self._other_at), known)
        x[np.arange(len(x)), slots.to_numpy(zero_copy_only=False)] = 1
        is_any_other = self._has_all and places.null_count > present.null_count
        if not is_any_other:
            return []
        return unseen(self.name, present.filter(pc.and_(pc.is_null(places), pc.is_valid(present))))


_COLUMNS: dict[str, type[_Numbers | _Categories | _Dates]] = {
    "numeric": _Numbers,
    "categorical": _Categories,
    "datetime": _Dates,
}


def _brief(column: Column, summary: Summary) -> dict[str, Any]:
    statistics = summary.columns[column.name]
    if column.kind == "categorical":
        return {"distinct": statistics.distinct.estimate, "most_frequent": statistics.frequent.top(_SHOWN)}
    if column.kind == "datetime":
        return {"missing": summary.rows - statistics.numbers, **_span(statistics)}
    return {
        "missing": summary.rows - statistics.numbers,
        "mean": statistics.mean,
        "std": float(np.sqrt(statistics.variance)),
        "minimum": statistics.minimum,
        "maximum": statistics.maximum,
    }


def _span(statistics: ColumnSummary) -> dict[str, Any]:
    """Returns the first and the last point in time."""
    notation, ends = statistics.notation, (statistics.minimum, statistics.maximum)
    assert isinstance(notation, DateNotation)
    first, last = (None if end is None else written(end, has_date=notation.has_date) for end in ends)
    return {"minimum": first, "maximum": last}


def _distributions(column: Column, summary: Summary) -> dict[str, Distribution]:
    statistics = summary.columns[column.name]
    if column.kind == "datetime":
        return {}  # time goes on: that new rows are later than old ones is no drift
    if statistics.parts:  # several labels: those of one row depend on each other, as the tokens of a text do
        return {
            "values": Categories(
                statistics.frequent.top(), summary.rows, statistics.parts, statistics.missing
            )
        }
    if column.kind == "categorical":
        return {"values": categories(statistics.frequent.top(), summary.rows, statistics.missing)}
    values, counts = summary.sample.numbers(column.name)
    weights = counts.astype(np.float64)
    whole = int(summary.sample.counts.sum()) == summary.rows
    independent = float(weights.sum()) if whole else _kish(weights)
    return {
        "values": Numbers(values, weights, independent, statistics.numbers, summary.rows - statistics.numbers)
    }


def _kish(weights: npt.NDArray[np.float64]) -> float:
    """Returns how many rows of weight one are as sure as these (Kish 1965): sampled rows come with copies."""
    return float(weights.sum() ** 2 / np.square(weights).sum()) if len(weights) else 0.0


def _other_ranges(
    settings: dict[str, Any], x: npt.NDArray[Any]
) -> Iterator[tuple[InputRange, npt.NDArray[Any]]]:
    columns = settings["columns"]
    if RANGE not in settings and all(map(_is_plain, columns)):
        mean, std = (np.array([column[name] for column in columns]) for name in ("mean", "std"))
        yield "raw", (x * std + mean).astype(np.float32)


def _is_plain(column: dict[str, Any]) -> bool:
    return column["kind"] == "numeric" and not column["missing"] and "drawn_in" not in column


INPUT = InputKind(
    fit,
    TabularEncoder,
    _brief,
    _distributions,
    raw="raw",
    other_ranges=_other_ranges,
    least_steps=_LEAST_STEPS,
)
