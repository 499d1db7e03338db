"""When a schedule fires: a cron expression or an interval, checked before the server sees it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trimtab.errors import ConfigError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Sequence[tuple[str, int, int, Sequence[str]]] = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS),
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SHORTEST = 60


def six_fields(expression: str) -> str:
    """Returns a cron expression with its six fields, seconds first, in UTC.

    Args:
        expression: Six fields, or five without the seconds.

    Raises:
        ConfigError: If the server could not read it, or if it would never run.
    """
    fields = expression.split()
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6:
        raise ConfigError(
            f"expected 5 fields (minute hour day month weekday) or 6 (seconds first), got {len(fields)}",
            path="--cron",
            field=expression,
            hint='--cron "0 2 * * *" is each day at 02:00 UTC; --every 6h is an interval.',
        )
    for text, (name, low, high, names) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            _check(part, name, low, high, names, expression)
    if not _has_a_day(*fields[3:]):
        raise ConfigError(
            f"no month of {fields[4]} has a day {fields[3]}: it would never run",
            path="--cron",
            field=expression,
        )
    return " ".join(fields)


def seconds(interval: str, option: str = "--every") -> int:
    """Returns the seconds of an interval such as `6h`, which an option gives.

    Raises:
        ConfigError: If it is none, or shorter than a minute.
    """
    match = re.fullmatch(r"([0-9]{1,9})([smhdw])", interval.strip())
    value = int(match[1]) * _UNITS[match[2]] if match else 0
    if value < _SHORTEST:
        raise ConfigError(
            "expected an interval of a minute at least, such as 90s, 30m, 6h, 1d or 1w",
            path=option,
            field=interval,
        )
    return value


def _check(part: str, name: str, low: int, high: int, names: Sequence[str], expression: str) -> None:
    span, slash, step = part.partition("/")
    first, dash, last = span.partition("-")
    values = [] if span in ("*", "?") else [first, last] if dash else [first]
    numbers = [_number(value, low, names) for value in values]
    wrong = (
        any(number is None or not low <= number <= high for number in numbers)
        or (len(numbers) == 2 and numbers[0] > numbers[1])  # type: ignore[operator]
        or (bool(slash) and (not _is_number(step) or int(step) < 1))
        or (span == "?" and not name.startswith("day"))
    )
    if wrong:
        also = f" or {names[0]}-{names[-1]}" if names else ""
        raise ConfigError(
            f"{part!r} is no {name}: expected *, a number from {low} to {high}{also}, a range or a step",
            path="--cron",
            field=expression,
        )


def _number(text: str, low: int, names: Sequence[str]) -> int | None:
    if _is_number(text):
        return int(text)
    return names.index(text.lower()) + low if text.lower() in names else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _has_a_day(days: str, months: str, weekdays: str) -> bool:
    """Returns whether there is such a date. A weekday that is given too counts as well, and comes about."""
    if weekdays not in ("*", "?"):
        return True
    longest = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return min(_values(days, 1, 31, ())) <= max(
        longest[month - 1] for month in _values(months, 1, 12, _MONTHS)
    )


def _values(text: str, low: int, high: int, names: Sequence[str]) -> set[int]:
    """Returns the numbers that a field matches, which was checked before."""
    numbers: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        start = _number(first, low, names) or low
        open_ended = slash or first in ("*", "?")
        end = _number(last, low, names) if dash else high if open_ended else start
        numbers |= set(range(start, (end or high) + 1, int(step or 1)))
    return numbers
