"""Numbers and categories as one vector of floats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.encoders.base import Encoded
from trimtab.data.encoders.form import RANGE
from trimtab.data.schema import Column, TensorSpec
from trimtab.data.values.values import numbers, texts

if TYPE_CHECKING:
    from trimtab.config.model import InputRange
    from trimtab.data.statistics.column import ColumnSummary
    from trimtab.data.statistics.summary import Summary

MAX_CATEGORIES = 64
_AS_IT_IS = {"mean": 0.0, "std": 1.0, "missing": False}
Floats = npt.NDArray[np.float32]


def fit(
    columns: Sequence[Column], summary: Summary, input_range: InputRange = "standardized"
) -> dict[str, Any]:
    """Returns the settings of a ``TabularEncoder``.

    Args:
        columns: Numeric and categorical columns.
        summary: The summary of the training split.
        input_range: ``raw``: numbers stay as they are, each in one place, the median where one is missing.
    """
    fitted, is_raw = [], input_range == "raw"
    for column in columns:
        found = summary.columns[column.name]
        if column.kind == "numeric":
            median = summary.quantiles(column.name, [0.5])[0] if found.numbers else 0.0
            numeric = _fit_numbers(column.name, found, median, summary.rows)
            fitted.append({**numeric, **_AS_IT_IS} if is_raw else numeric)
        else:
            fitted.append(_fit_categories(column.name, found))
    return {"kind": "tabular", "columns": fitted, **({RANGE: "raw"} if is_raw else {})}


def _fit_numbers(name: str, found: ColumnSummary, median: float, rows: int) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "numeric",
        "median": median,
        "mean": found.mean,
        "std": float(np.sqrt(found.variance)) or 1.0,
        "missing": found.numbers < rows,
    }


def _fit_categories(name: str, found: ColumnSummary) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "categorical",
        "values": list(found.frequent.top(MAX_CATEGORIES)),
        "missing": found.missing > 0,
    }


class TabularEncoder:
    """Turns numeric and categorical columns into one vector.

    A numeric column becomes its standardized value (the median where it is missing) and, if values were
    missing in the training split, 1 where it is missing. A categorical column becomes one slot for each of
    its most frequent training values, one for missing ones if there were any, and one for everything else.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._columns: list[_Numbers | _Categories] = [
            _Numbers(column) if column["kind"] == "numeric" else _Categories(column)
            for column in settings["columns"]
        ]
        width = sum(column.width for column in self._columns)
        self.spec = TensorSpec(kind="tabular", shape=(width,), stored_dtype="float32")

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """See ``Encoder``."""
        x = np.zeros((batch.num_rows, *self.spec.shape), np.float32)
        at = 0
        for column in self._columns:
            column.fill(x[:, at : at + column.width], batch.column(column.name))
            at += column.width
        return Encoded(x)


class _Numbers:
    """A numeric column's share of the vector."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.name = str(settings["name"])
        self._median = float(settings["median"])
        self._mean, self._std = float(settings["mean"]), float(settings["std"])
        self.width = 2 if settings["missing"] else 1

    def fill(self, x: Floats, values: pa.Array) -> None:
        """Writes the rows' values into ``x (rows, width)``, which holds zeros."""
        parsed = numbers(values)
        filled = pc.fill_null(parsed, self._median).to_numpy(zero_copy_only=False)
        x[:, 0] = (filled - self._mean) / self._std
        if self.width == 2:
            x[:, 1] = pc.is_null(parsed).to_numpy(zero_copy_only=False)


class _Categories:
    """A categorical column's share of the vector."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.name = str(settings["name"])
        self._values = pa.array(settings["values"], pa.string())
        self._missing_at = len(self._values) if settings["missing"] else len(self._values) + 1
        self._other_at = len(self._values) + int(settings["missing"])
        self.width = self._other_at + 1

    def fill(self, x: Floats, values: pa.Array) -> None:
        """Writes the rows' values into ``x (rows, width)``, which holds zeros."""
        present = texts(values)
        known = pc.fill_null(pc.index_in(present, self._values), self._other_at)
        slots = pc.if_else(pc.is_null(present), min(self._missing_at, self._other_at), known)
        x[np.arange(len(x)), slots.to_numpy(zero_copy_only=False)] = 1
