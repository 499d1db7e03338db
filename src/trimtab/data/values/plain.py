"""Columns of text that hold nothing but plain numbers, found among many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.values.values import MISSING_TEXTS, all_numbers

_PLAIN = r"^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_LONGEST_MEAN = 24
"""Characters; columns of longer cells are no plain numbers, and joining them would take much memory."""
_COLUMNS = 512


class PlainColumns(NamedTuple):
    """Places of columns in which each cell is a finite number as Arrow reads it.

    Attributes:
        whole: Of those in which none is missing.
        gapped: Of those in which some cells are empty, and not all.
    """

    whole: list[int]
    gapped: list[int]


def plain_columns(columns: Sequence[pa.StringArray]) -> PlainColumns:
    """Returns the columns of plain numbers.

    Args:
        columns: Texts, all of the same length.
    """
    found = PlainColumns([], [])
    if not columns or not len(columns[0]):
        return found
    likely = _likely(columns)
    for start in range(0, len(likely), _COLUMNS):
        whole, gapped = _by_gaps(columns, likely[start : start + _COLUMNS])
        found.whole.extend(_plain(columns, whole))
        found.gapped.extend(_plain({at: without_blanks(columns[at]) for at in gapped}, gapped))
    return found


def without_blanks(words: pa.StringArray) -> pa.StringArray:
    """Returns texts, and null for those that are empty."""
    return pc.if_else(pc.equal(words, ""), pa.scalar(None, pa.string()), words)


def _likely(columns: Sequence[pa.StringArray]) -> list[int]:
    """Returns the columns whose first cell is a number, or empty."""
    short = [
        place
        for place, column in enumerate(columns)
        if not column.null_count and column.nbytes <= (_LONGEST_MEAN + 4) * len(column) + 64
    ]
    if not short:
        return []
    firsts = pa.concat_arrays([columns[place].slice(0, 1) for place in short])
    may_be = pc.or_(pc.match_substring_regex(firsts, _PLAIN), pc.equal(firsts, "")).to_pylist()
    return [place for place, likely in zip(short, may_be, strict=True) if likely]


def _by_gaps(columns: Sequence[pa.StringArray], places: list[int]) -> tuple[list[int], list[int]]:
    """Returns the columns in which nothing is missing, and those in which some cells are, all of them empty.

    One such cell, and all columns that are joined with it would be looked at by a regular expression.
    """
    joined = pa.concat_arrays([columns[place] for place in places])
    missing = np.asarray(pc.is_in(joined, MISSING_TEXTS)).reshape(len(places), -1).sum(axis=1)
    if not missing.any():
        return places, []
    blank = np.asarray(pc.equal(joined, "")).reshape(len(places), -1).sum(axis=1)
    has_gaps = (missing == blank) & (blank > 0) & (blank < len(columns[0]))
    chosen = np.array(places)
    return chosen[missing == 0].tolist(), chosen[has_gaps].tolist()


def _plain(columns: Mapping[int, pa.StringArray] | Sequence[pa.StringArray], places: list[int]) -> list[int]:
    """Returns the columns whose cells are all plain numbers, or null."""
    if not places:
        return []
    joined = pa.concat_arrays([columns[place] for place in places])
    if all_numbers(joined) is not None:
        return places
    cells = np.asarray(pc.fill_null(pc.match_substring_regex(joined, _PLAIN), True)).reshape(len(places), -1)
    rest = np.flatnonzero(cells.all(axis=1)).tolist()
    return [places[at] for at in rest if all_numbers(columns[places[at]]) is not None]
