"""A toy kind of input: numbers apart by spaces. It is what adding one takes: this file, and one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from trimtab.config.data import Data
from trimtab.config.model import InputRange
from trimtab.data.kinds.base import Encoded, InputKind
from trimtab.data.schema import Column, TensorSpec
from trimtab.data.statistics.column import ColumnSummary
from trimtab.data.statistics.distributions import Distribution, histogram
from trimtab.data.statistics.summary import Summary
from trimtab.data.values.values import texts


def _numbers(value: str) -> list[float]:
    return [float(number) for number in value.split()]


def _lengths(column: ColumnSummary) -> dict[str, int]:
    """Returns how many values have how many numbers; none where one has something else."""
    counts: dict[str, int] = {}
    try:
        for value, count in column.frequent.counts.items():
            length = str(len(_numbers(value)))
            counts[length] = counts.get(length, 0) + count
    except ValueError:
        return {}
    return counts


def fit(columns: Sequence[Column], summary: Summary, config: Data, input_range: InputRange) -> dict[str, Any]:
    """Returns the settings of a ``SeriesEncoder``: as many numbers as the longest series has."""
    (column,) = columns
    length = max(map(int, _lengths(summary.columns[column.name])))
    return {"kind": "series", "column": column.name, "length": length}


class SeriesEncoder:
    """Turns a column of series into vectors of one length: cut, or zeros at the end."""

    vocabulary_size = None

    def __init__(self, settings: dict[str, Any]) -> None:
        self._column = str(settings["column"])
        self.spec = TensorSpec(kind="series", shape=(int(settings["length"]),), stored_dtype="float32")

    def encode(self, batch: pa.RecordBatch) -> Encoded:
        """See ``Encoder``."""
        values = texts(batch.column(self._column)).to_pylist()
        encoded = Encoded(np.zeros((len(values), *self.spec.shape), np.float32))
        for row, value in enumerate(values):
            try:
                found = _numbers(value or "")[: self.spec.shape[0]]
                encoded.x[row, : len(found)] = found
            except ValueError as error:
                encoded.bad[row] = str(error)
        return encoded


def _brief(column: Column, summary: Summary) -> dict[str, Any]:
    return {"lengths": _lengths(summary.columns[column.name])}


def _distributions(column: Column, summary: Summary) -> dict[str, Distribution]:
    return {"length": histogram(_lengths(summary.columns[column.name]), summary.rows)}


def _takes(column: ColumnSummary, present: int) -> bool:
    return bool(lengths := _lengths(column)) and "1" not in lengths


INPUT = InputKind(fit, SeriesEncoder, _brief, _distributions, takes=_takes, like=("tabular",))
