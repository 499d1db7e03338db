from __future__ import annotations

import pyarrow as pa
import pytest

from trimtab.data.values.notation import (
    PLAIN,
    DateNotation,
    NumberNotation,
    Unread,
    UnreadCells,
    as_read,
    notation_of,
    unread,
)


@pytest.mark.parametrize(
    ("notation", "cells", "values"),
    [
        (PLAIN, ["12", " 1.5 ", "20,000", "NA", "", None, "x", "5 kg", "1,5"], [12, 1.5, 2e4, *[None] * 6]),
        (NumberNotation(decimal=","), ["1,5", "1.234", "1.5", "7"], [1.5, 1234, None, 7]),
        (NumberNotation(unit="month"), ["6 months", "1 month", "3", "3 days"], [6, 1, 3, None]),
        (
            DateNotation(),
            ["1970-01-02", "01.01.1970", "02/01/1970", "10:15", None],
            [86_400, 0, 86_400, None, None],
        ),
        (DateNotation(order="mdy"), ["01/02/1970", "13/01/1970"], [86_400, None]),
        (DateNotation(has_date=False, has_time=True), ["00:01", "1970-01-01"], [60, None]),
        (DateNotation(epoch_s=1e-3, has_time=True), ["1500", 2500], [1.5, 2.5]),
    ],
)
def test_a_column_is_read(notation, cells, values):
    column = pa.array([None if cell is None else str(cell) for cell in cells])
    assert notation.read(column).to_pylist() == values


def test_dates_by_type_and_numbers_by_type():
    assert DateNotation().read(pa.array([1, None], pa.date32())).to_pylist() == [86_400.0, None]
    assert DateNotation().read(pa.array([1.5])).to_pylist() == [None]
    assert NumberNotation(decimal=",").read(pa.array([1.5, None])).to_pylist() == [1.5, None]
    assert PLAIN.read(pa.array(["1,000", "2"]).dictionary_encode()).to_pylist() == [1000, 2]


def test_other_columns_stay_as_they_are():
    batch = pa.RecordBatch.from_pydict({"a": ["1,5"], "b": ["1,5"], "n": [3]})
    read = as_read(batch, {"a": NumberNotation(decimal=","), "n": PLAIN, "absent": PLAIN})
    assert read.to_pydict() == {"a": [1.5], "b": ["1,5"], "n": [3]}


def test_cells_that_cannot_be_read_are_counted():
    batch = pa.RecordBatch.from_pydict({"a": ["1", "x", "?", None, "y", "x"]})
    found = unread("a", batch, as_read(batch, {"a": PLAIN}))
    assert found == Unread("a", 3, ("x", "y", "x")) or found == Unread("a", 3, ("x", "y"))
    assert unread("a", batch.slice(0, 1), as_read(batch.slice(0, 1), {"a": PLAIN})) is None
    cells = UnreadCells()
    cells.add([found])
    cells.add([Unread("a", 2, ("z", "w")), Unread("b", 1, ("v",), "other")])
    assert cells.told() == [
        "a: 5 values cannot be read, such as 'x', 'y', 'z': counted as missing",
        "b: 1 value never seen in training, such as 'v': counted as other",
    ]


@pytest.mark.parametrize("notation", [None, NumberNotation(decimal=",", unit="€"), DateNotation(order="mdy")])
def test_a_notation_travels_as_json(notation):
    assert notation_of(notation.model_dump() if notation else None) == notation
