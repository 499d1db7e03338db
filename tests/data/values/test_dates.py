from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from trimtab.data.values import dates
from trimtab.data.values.dates import moment

DAY = datetime.datetime(2025, 12, 31, tzinfo=datetime.UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2025-12-31", DAY),
        ("2025/12/31", DAY),
        ("31.12.2025", DAY),
        ("31.12.25", DAY),
        ("31-12-2025", DAY),
        ("31 Dec 2025", DAY),
        ("31-Dec-2025", DAY),
        ("December 31, 2025", DAY),
        ("2025-12-31T10:15:00Z", DAY + 36_900),
        ("2025-12-31 10:15:00.500+02:00", DAY + 29_700.5),
        ("31.12.2025 10:15", DAY + 36_900),
        ("31/12/2025 3:05 PM", DAY + 54_300),
        ("31/12/2025 12:05 am", DAY + 300),
        ("Wed, 31 Dec 2025 10:15:00 GMT", DAY + 36_900),
        ("20251231T101500", DAY + 36_900),
        ("20251231T1015Z", DAY + 36_900),
        ("20251231T101500.5+0200", DAY + 29_700.5),
        ("31/Dec/2025:10:15:00 +0200", DAY + 29_700),
        ("Wed Dec 31 10:15:00 2025", DAY + 36_900),
        ("Wed Dec 31 10:15:00 UTC 2025", DAY + 36_900),
        ("10:15", 36_900.0),
        ("23:59:59.5", 86_399.5),
    ],
)
def test_points_in_time_as_people_write_them(text, seconds):
    assert moment(text).seconds("dmy") == pytest.approx(seconds)


def test_the_order_of_day_and_month():
    assert moment("12/31/2025").order == "mdy"
    assert moment("12/31/2025").seconds("mdy") == DAY
    assert moment("12/31/2025").seconds("dmy") is None
    assert moment("01/02/2025").order is None
    assert moment("01/02/2025").seconds("dmy") - moment("01/02/2025").seconds("mdy") == 30 * 86_400
    assert moment("01.02.2025").seconds("mdy") is None


@pytest.mark.parametrize(
    "text",
    [
        "20251331T101500",
        "31/Foo/2025:10:15:00",
        "2025-02-30",
        "30/30/2024",
        "25:00",
        "10:61",
        "13:00 pm",
        "Foo 5, 2024",
        "2024",
        "1.2.3",
        "hello 3",
        "",
    ],
)
def test_what_is_no_point_in_time(text):
    assert moment(text) is None


@pytest.mark.parametrize(
    ("kind", "value", "seconds"),
    [
        (pa.date32(), 3, 3 * 86_400.0),
        (pa.date64(), 86_400_000, 86_400.0),
        (pa.timestamp("us", tz="Europe/Zurich"), 1_500_000, 1.5),
        (pa.timestamp("ns"), 2_000_000_000, 2.0),
        (pa.time32("s"), 61, 61.0),
        (pa.duration("ms"), 250, 0.25),
    ],
)
def test_columns_that_are_dates_by_their_type(kind, value, seconds):
    column = pa.array([value, None], pa.int32() if kind.bit_width == 32 else pa.int64()).cast(kind)
    assert dates.seconds(column).to_pylist() == [seconds, None]


def test_points_in_time_are_written_for_people():
    assert dates.written(DAY + 1, has_date=True) == "2025-12-31 00:00:01"
    assert dates.written(3661, has_date=False) == "01:01:01"
