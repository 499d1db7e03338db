from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from trimtab.data.values.times import times

NOON = datetime(2024, 1, 31, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "written",
    [
        ["2024-01-31T12:00:00", "2024-01-31 12:00", "2024-01-31T12:00:00Z", "2024-01-31T14:00:00.000+02:00"],
        [datetime(2024, 1, 31, 12)] * 4,
        [datetime(2024, 1, 31, 14, tzinfo=timezone(timedelta(hours=2)))] * 4,
    ],
)
def test_one_moment_is_one_number(written: list[Any]) -> None:
    scale, values = times(pa.array(written))
    assert scale == "dates"
    assert values.tolist() == [NOON] * 4


def test_days_and_numbers_have_their_scale() -> None:
    assert times(pa.array([date(2024, 1, 31)])) == ("dates", [NOON - 12 * 3600])
    assert times(pa.array(["2024-01-31"])) == ("dates", [NOON - 12 * 3600])
    for numbers in (pa.array([3, 4]), pa.array(["3", "4.0"]), pa.array([3.0, 4.0])):
        scale, values = times(numbers)
        assert (scale, values.tolist()) == ("numbers", [3.0, 4.0])


def test_what_is_no_time_is_not_a_number() -> None:
    scale, values = times(pa.array(["2024-01-31", None, "2024-13-01", "soon", "2024-01-31T12:00Z"]))
    assert scale == "dates"
    np.testing.assert_array_equal(np.isnan(values), [False, True, True, True, False])
    assert times(pa.array([], pa.string())).scale is None
