import numpy as np
import pyarrow as pa
import pytest

from trimtab.config.limits import Slice
from trimtab.data.values.notation import DateNotation, NumberNotation
from trimtab.errors import DataError
from trimtab.evaluate.parts import parts


def found(cells, bins, notation=None):
    """Returns the rows of each slice of a column, by its name."""
    column = pa.array(cells, pa.string())
    asked = Slice.model_validate({"column": "c", "bins": bins})
    return {
        part.name: np.flatnonzero(part.rows({"c": column})).tolist()
        for part in parts(asked, column, notation)
    }


@pytest.mark.parametrize(
    "cells",
    [
        ["5", "1234.5", "2000.25", None],
        ["5", "1.234,5", "2.000,25", ""],
        ["$5", "$1,234.50", "$2,000.25", "NA"],
        ["5 %", "1234,5 %", "2.000,25%", "unknown"],
        ["5 months", "1,234.5 months", "2,000.25 months", None],
    ],
)
def test_numbers_are_read_as_they_are_written(cells):
    assert found(cells, [100, 2000]) == {
        "c < 100": [0],
        "100 <= c < 2000": [1],
        "c >= 2000": [2],
        "c missing": [3],
    }


@pytest.mark.parametrize(
    "cells", [["2023-12-31", "2024-01-01"], ["31.12.2023", "01.01.2024"], ["12/31/2023", "1/1/24"]]
)
def test_dates_are_cut_at_dates(cells):
    assert found(cells, ["2024-01-01"]) == {"c < 2024-01-01": [0], "c >= 2024-01-01": [1]}


def test_what_the_models_columns_say_goes_before_what_the_rows_show():
    cells = ["1.234", "2.500"]
    assert found(cells, [100]) == {"c < 100": [0, 1], "c >= 100": []}
    assert found(cells, [100], NumberNotation(decimal=",")) == {"c < 100": [], "c >= 100": [0, 1]}
    assert found(["01/02/2024"], ["2024-02-01"], DateNotation(order="mdy")) == {
        "c < 2024-02-01": [0],
        "c >= 2024-02-01": [],
    }


def test_seconds_since_1970_are_cut_at_dates_and_at_numbers():
    epoch = DateNotation(has_time=True, epoch_s=1.0)
    cells = ["1704067199", "1704067200"]
    assert list(found(cells, ["2024-01-01"], epoch).values()) == [[0], [1]]
    assert list(found(cells, [1704067200], epoch).values()) == [[0], [1]]


@pytest.mark.parametrize(
    ("cells", "bins", "message"),
    [
        (["north", "south"], [3], "none of its values in the test rows is a number"),
        (["1,234", "5,678"], [3], "1,234 may be either of two things"),
        (["01/02/2024", "03/04/2024"], ["2024-01-01"], "01/02/2025 may be either of two things"),
        (["2024-01-01"], [3], "its values are dates, and its bins are not"),
        (["5"], ["2024-01-01"], "its values are numbers, and its bins are not"),
        (["12:30", "13:30"], [3], "times of day"),
    ],
)
def test_what_makes_no_ranges_is_a_typed_error(cells, bins, message):
    with pytest.raises(DataError, match=message):
        found(cells, bins)
