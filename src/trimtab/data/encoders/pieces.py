"""A number in pieces beside the number itself: what lets a network see thresholds and single values.

A column of few different whole numbers gets a slot for each of them, as a category has. Any other is cut, and
each piece says how much of it a value has passed, from 0 to 1: piecewise linear encoding (Gorishniy et al.,
"On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS 2022). Cuts are quantiles of the
training rows; or every value, where they are whole numbers and there are not too many. Both are made of the
number before the model, so that they cost it no layer that a runtime may lack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from trimtab.data.statistics.column import ColumnSummary
    from trimtab.data.statistics.summary import Summary

PIECES = "pieces"
"""The key in a column's settings: edges, and whether they are the values of slots."""
_MOST_SLOTS, _MOST_CUTS, _MOST_PIECES, _LEAST_ROWS = 16, 64, 16, 10
"""Different whole numbers that get slots, or cuts; pieces at quantiles; rows of a piece on average."""
_MOST_TOGETHER = 1_024
"""Slots and pieces of all columns."""
MOST_COLUMNS = _MOST_TOGETHER // 2
Floats = npt.NDArray[np.float32]


def fit(name: str, summary: Summary, columns: int) -> dict[str, Any]:
    """Returns the settings of a column's pieces; none for too few values, or among too many columns.

    Args:
        name: A numeric column.
        summary: The summary of the training split.
        columns: How many numeric columns there are.
    """
    share = min(_MOST_TOGETHER // columns, summary.rows // _LEAST_ROWS)
    values, _ = summary.sample.numbers(name)
    different = np.unique(values)
    if len(different) <= 2 or share < 2:
        return {}
    if len(different) <= min(share, _MOST_CUTS) and _is_whole(summary.columns[name]):
        return {PIECES: {"edges": different.tolist(), "slots": len(different) <= _MOST_SLOTS}}
    cuts = np.linspace(0, 1, min(share, _MOST_PIECES) + 1)
    edges = np.unique(summary.quantiles(name, cuts.tolist()))
    return {PIECES: {"edges": edges.tolist(), "slots": False}} if len(edges) > 2 else {}


def _is_whole(statistics: ColumnSummary) -> bool:
    return statistics.integers == statistics.numbers


class Pieces:
    """A numeric column's pieces, of settings that ``fit`` gave."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._edges = np.array(settings["edges"], np.float64)
        self._has_slots = bool(settings["slots"])
        self.width = len(self._edges) if self._has_slots else len(self._edges) - 1

    def fill(self, x: Floats, values: npt.NDArray[np.float64]) -> None:
        """Writes what values without gaps ``(rows,)`` come to into ``x (rows, width)``."""
        if self._has_slots:
            x[:] = values[:, None] == self._edges
        else:
            x[:] = np.clip((values[:, None] - self._edges[:-1]) / np.diff(self._edges), 0, 1)
