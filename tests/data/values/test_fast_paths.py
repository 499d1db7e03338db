"""Columns that are read at once say of each cell what it says among cells that are read one by one."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from trimtab.data.statistics.sketches import hash_strings
from trimtab.data.values import values
from trimtab.data.values.canonical import canonical
from trimtab.data.values.notation import PLAIN
from trimtab.data.values.tally import Tally

_ODD = [
    "+1",
    "007",
    "-0",
    "-0.0",
    "1e5",
    "00e5",
    "1e400",
    "4e38",
    "inf",
    "nan",
    "0x1",
    "1_0",
    "1,234",
    "1.234",
]
_ODD += [
    " 1",
    "1.",
    ".5",
    "16777.123046875",
    "9007199254740993",
    "12345678901234567890",
    "0.1000000000000001",
]
_PLAIN = st.one_of(
    st.integers(-(10**6), 10**19).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(-(10**4), 10**4, places=3).map(str),
)
_CELLS = st.lists(
    st.one_of(_PLAIN, _PLAIN, st.none(), st.sampled_from(_ODD), st.text("01.-+eE ,", max_size=6)),
    min_size=1,
    max_size=6,
)
_WORD = "x" * 40
"""No number, and long: no column that has it is read at once."""


@given(_CELLS)
def test_a_column_is_read_as_its_cells_are(cells: list[str | None]) -> None:
    column, with_word = pa.array(cells, pa.string()), pa.array([*cells, _WORD], pa.string())
    for read in (canonical, values.numbers, PLAIN.read):
        assert read(column).to_pylist() == read(with_word).to_pylist()[:-1]


@given(_CELLS)
def test_a_column_is_tallied_as_its_cells_are(cells: list[str | None]) -> None:
    whole = Tally.of_column(pa.array(cells, pa.string()))
    one_by_one = Tally()
    for cell in cells:
        one_by_one = one_by_one.merge(Tally.of_column(pa.array([cell], pa.string())))
    with_word = Tally.of_column(pa.array([*cells, _WORD], pa.string()))
    assert whole == one_by_one
    words = [word for word in with_word.words if word != _WORD]
    assert whole == replace(with_word, others=with_word.others - 1, words=words)


@given(st.lists(st.text(max_size=9), min_size=1, max_size=5))
def test_short_strings_are_hashed_as_among_long_ones(strings: list[str]) -> None:
    assert hash_strings(pa.array(strings)).tolist() == hash_strings(pa.array([*strings, _WORD])).tolist()[:-1]
