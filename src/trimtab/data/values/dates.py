"""Points in time: one cell as people write it, and columns that are dates by their type."""

from __future__ import annotations

import calendar
import datetime
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Order = Literal["dmy", "mdy"]
DAY_S = 86_400
LONGEST = 48
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:[.,]\d{1,9})?))?(?:\s*(?P<half>[AaPp]\.?[Mm]\.?))?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
)
_DATES = (
    r"(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})",
    r"(?P<first>\d{1,2})(?P<s>[-/.])(?P<second_part>\d{1,2})(?P=s)(?P<y>\d{4}|\d{2})",
    r"(?P<d>\d{1,2})(?:st|nd|rd|th)?[-\s.]*(?P<name>[A-Za-z]{3,9})\.?[-\s,]*(?P<y>\d{4})",
    r"(?P<name>[A-Za-z]{3,9})\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})",
)
_FORMS = [re.compile(rf"(?:[A-Za-z]{{3,9}},\s*)?{date}(?:[T\s,]\s*{_CLOCK})?") for date in _DATES]
_FORMS += [
    re.compile(
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})T(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2}(?:[.,]\d{1,9})?)?"
        r"(?P<half>)(?P<zone>Z|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
    ),
    re.compile(rf"(?P<d>\d{{1,2}})/(?P<name>[A-Za-z]{{3}})/(?P<y>\d{{4}}):{_CLOCK}"),
    re.compile(
        rf"(?:[A-Za-z]{{3}}\s+)?(?P<name>[A-Za-z]{{3}})\s+(?P<d>\d{{1,2}})\s+{_CLOCK}\s+(?P<y>\d{{4}})"
    ),
    re.compile(_CLOCK),
]
"""Dates with and without a time; ISO 8601's basic form, a web server's log, C's ``ctime``; a time alone."""
FIRST_DIGITS, LAST_DIGITS = 19_000_101, 21_001_231
"""The numbers that may be days."""
_PIVOT = 69  # as POSIX reads years of two digits


@dataclass(frozen=True)
class Moment:
    """A date, a time of day, or both.

    Attributes:
        year: None where there is no date.
        parts: Day and month, in the order that they are written in.
        order: Their order, or None where it does not show.
        time_s: Seconds since midnight, minus the offset of the zone; None where there is no time.
        is_numeric: Whether the month is a number, and the year stands last.
    """

    year: int | None
    parts: tuple[int, int]
    order: Order | None
    time_s: float | None
    is_numeric: bool = False

    @property
    def has_date(self) -> bool:
        """Returns whether there is a date."""
        return self.year is not None

    def seconds(self, order: Order) -> float | None:
        """Returns seconds since 1970 in UTC, or since midnight; None where there is no such day.

        Args:
            order: Of day and month where it does not show.
        """
        time_s = self.time_s or 0.0
        if self.year is None:
            return time_s
        if self.is_numeric and self.order not in (None, order):
            return None
        day, month = self.parts if not self.is_numeric or order == "dmy" else self.parts[::-1]
        if not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(self.year, month)[1]:
            return None
        return calendar.timegm((self.year, month, day, 0, 0, 0)) + time_s


def moment(text: str) -> Moment | None:
    """Returns the point in time that a cell holds, or None.

    Args:
        text: The cell, such as ``2025-12-31T10:15:00Z``, ``20251231T101500``, ``31.12.2025``,
            ``12/31/25 3 PM`` or ``5 Jan 2024``.
    """
    if len(text) > LONGEST or not any(map(str.isdigit, text)):
        return None
    text = text.strip()
    for form in _FORMS:
        if match := form.fullmatch(text):
            return _moment(match.groupdict())
    return None


def _moment(fields: dict[str, str | None]) -> Moment | None:
    time_s = _time(fields)
    if fields["hour"] is not None and time_s is None:
        return None
    if "y" not in fields or fields["y"] is None:
        return Moment(None, (0, 0), None, time_s)
    year = int(fields["y"])
    if len(fields["y"]) == 2:
        year += 1900 if year >= _PIVOT else 2000
    if year < 1:
        return None
    if fields.get("first") is not None:
        return _numeric(year, int(fields["first"] or 0), int(fields["second_part"] or 0), fields["s"], time_s)
    month = _MONTHS.get((fields.get("name") or "")[:3].lower()) or int(fields.get("m") or 0)
    read = Moment(year, (int(fields["d"] or 0), month), "dmy", time_s)
    return read if read.seconds("dmy") is not None else None


def _numeric(year: int, first: int, second: int, sign: str | None, time_s: float | None) -> Moment | None:
    order: Order | None = None
    if first > 12 or sign == ".":
        order = "dmy"
    elif second > 12:
        order = "mdy"
    read = Moment(year, (first, second), order, time_s, is_numeric=True)
    return read if read.seconds("dmy") is not None or read.seconds("mdy") is not None else None


def _time(fields: dict[str, str | None]) -> float | None:
    if fields["hour"] is None:
        return None
    hour, minute = int(fields["hour"]), int(fields["minute"] or 0)
    second = float((fields["second"] or "0").replace(",", "."))
    if half := fields["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    if hour > 24 or minute > 59 or second >= 61 or (hour == 24 and (minute or second)):
        return None
    return hour * 3600 + minute * 60 + second - _offset(fields["zone"])


def _offset(zone: str | None) -> int:
    if zone is None or zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    return (1 if zone[0] == "+" else -1) * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)


def seconds(column: pa.Array) -> pa.DoubleArray:
    """Returns a column of Arrow's dates, times, timestamps or durations in seconds.

    Args:
        column: Its type is temporal; timestamps with a zone are points in UTC already.
    """
    kind = column.type
    if pa.types.is_date(kind):
        return pc.multiply(column.cast(pa.date32()).cast(pa.int32()).cast(pa.float64()), float(DAY_S))
    per_second = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit]
    width = pa.int32() if kind.bit_width == 32 else pa.int64()
    return pc.divide(column.cast(width).cast(pa.float64()), per_second)


def of_digits(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns days that are written as a number, such as 20251231, in seconds since 1970.

    Args:
        numbers: Any, ``(n,)``.

    Returns:
        The seconds, ``(n,)``; NaN where the number is no day from 1900 to 2100.
    """
    fits = (numbers >= FIRST_DIGITS) & (numbers <= LAST_DIGITS) & (numbers == np.rint(numbers))
    whole = np.where(fits, numbers, FIRST_DIGITS).astype(np.int64)
    month, day = whole // 100 % 100, whole % 100
    months = ((whole // 10_000 - 1970) * 12 + month - 1).astype("datetime64[M]")
    first, after = (moment.astype("datetime64[D]").astype(np.int64) for moment in (months, months + 1))
    fits &= (month >= 1) & (month <= 12) & (day >= 1) & (day <= after - first)
    return np.where(fits, (first + day - 1) * float(DAY_S), np.nan)


def written(seconds_: float, *, has_date: bool) -> str:
    """Returns a point in time as text: ISO 8601 in UTC, or a time of day.

    Args:
        seconds_: As a column's notation reads it.
        has_date: Whether it is a date.
    """
    point = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds_)
    return point.isoformat(" ", "seconds") if has_date else point.time().isoformat("seconds")
