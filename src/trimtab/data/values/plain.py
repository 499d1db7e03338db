"""Columns of text that hold nothing but plain numbers, found among many at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.values.values import MISSING_TEXTS, all_numbers

_PLAIN = r"^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_LONGEST_MEAN = 24
"""Characters; columns of longer cells are no plain numbers, and joining them would take much memory."""
_COLUMNS = 512


def plain_columns(columns: Sequence[pa.StringArray]) -> list[int]:
    """Returns the places of columns in which each cell is a finite number as Arrow reads it, none missing.

    Args:
        columns: Texts, all of the same length.
    """
    if not columns or not len(columns[0]):
        return []
    likely = _likely(columns)
    found = []
    for start in range(0, len(likely), _COLUMNS):
        found += _plain(columns, likely[start : start + _COLUMNS])
    return found


def _likely(columns: Sequence[pa.StringArray]) -> list[int]:
    """Returns the columns whose first cell is a number, and in which none says that it is missing."""
    short = [
        place
        for place, column in enumerate(columns)
        if not column.null_count and column.nbytes <= (_LONGEST_MEAN + 4) * len(column) + 64
    ]
    if not short:
        return []
    firsts = pa.concat_arrays([columns[place].slice(0, 1) for place in short])
    is_number = pc.match_substring_regex(firsts, _PLAIN).to_pylist()
    likely = [place for place, likely in zip(short, is_number, strict=True) if likely]
    # One such cell, and all columns that are joined with it would be looked at by a regular expression.
    return [place for place in likely if not pc.any(pc.is_in(columns[place], MISSING_TEXTS)).as_py()]


def _plain(columns: Sequence[pa.StringArray], places: list[int]) -> list[int]:
    if not places:
        return []
    joined = pa.concat_arrays([columns[place] for place in places])
    if all_numbers(joined) is not None:
        return places
    cells = np.asarray(pc.match_substring_regex(joined, _PLAIN)).reshape(len(places), -1)
    rest = np.flatnonzero(cells.all(axis=1)).tolist()
    return [places[at] for at in rest if all_numbers(columns[places[at]]) is not None]
