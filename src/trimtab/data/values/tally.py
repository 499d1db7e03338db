"""How many cells of a column are written in which way: what its notation is inferred from.

Tallies merge, and are small whatever the number of rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.data.values.dates import DAY_S, moment, seconds
from trimtab.data.values.values import MISSING_TEXTS, parse, plain
from trimtab.data.values.written import DECIMALS, amount

Weights = npt.NDArray[np.int64]
_PROBED = 128
_MOST_UNITS, _MOST_WORDS, _MOST_NUMBERS = 8, 8, 32
_SMALL = r"^[+-]?\d{1,3}$"
_SMALL_MOST = 4
_ONE_GROUP = r"^[+-]?[1-9]\d{0,2}\.\d{3}$"
_ONE_GROUP_LENGTHS = (5, 8)


@dataclass
class Tally:
    """Counts of cells; all but the missing ones.

    Attributes:
        plain: Plain numbers, with a point before the fraction if there is one.
        points: Numbers, plain or not, that only a decimal point explains.
        commas: Numbers that only a decimal comma explains.
        point_groups: Numbers such as `1.234`, which either explains.
        comma_groups: Numbers such as `1,234`.
        small: Whole numbers below 1,000.
        decorated: Numbers that are more than plain.
        units: Numbers by the unit that they are written with.
        dates: Dates, with or without a time.
        day_first: Dates whose order of day and month shows.
        month_first: Dates whose order shows to be the other one.
        either: Dates that may be either.
        times: Times of day without a date.
        timed: Dates with a time of day.
        others: Cells that are none of these.
        words: Some of them.
        numbers: Some of the numbers, to see whether they are many.
    """

    plain: int = 0
    points: int = 0
    commas: int = 0
    point_groups: int = 0
    comma_groups: int = 0
    small: int = 0
    decorated: int = 0
    units: dict[str, int] = field(default_factory=dict)
    dates: int = 0
    day_first: int = 0
    month_first: int = 0
    either: int = 0
    times: int = 0
    timed: int = 0
    others: int = 0
    words: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)

    @property
    def present(self) -> int:
        """Returns how many cells are not missing."""
        return self.plain + self.decorated + self.dates + self.times + self.others

    @classmethod
    def of_column(cls, column: pa.Array) -> Tally:
        """Returns the tally of a column's rows; nothing where its type says how to read it.

        Args:
            column: As a reader gives it.
        """
        if not is_tallied(column.type):
            return cls()
        encoded = plain(column).dictionary_encode()
        indices = np.asarray(encoded.indices.drop_null())
        weights = np.bincount(indices, minlength=len(encoded.dictionary)).astype(np.int64)
        return cls.of(encoded.dictionary, weights)

    @classmethod
    def of(cls, unique: pa.Array, weights: Weights) -> Tally:
        """Returns the tally of a column.

        Args:
            unique: Its different values, none of them null.
            weights: How often each occurs.
        """
        if pa.types.is_temporal(unique.type) and not pa.types.is_duration(unique.type):
            return cls._temporal(unique, weights)
        if not pa.types.is_string(unique.type):
            return cls()
        tally, trimmed = cls(), pc.utf8_trim_whitespace(unique)
        parsed = parse(trimmed)
        known = np.asarray(pc.is_valid(parsed))
        tally._add_plain(trimmed, weights, known)
        if not parsed.null_count:
            return tally._cut()
        missing = pc.is_in(trimmed, MISSING_TEXTS)
        rest = np.flatnonzero(~known & ~np.asarray(missing))
        for place in rest.tolist():
            tally._add(trimmed[place].as_py(), int(weights[place]))
        return tally._cut()

    @classmethod
    def _temporal(cls, unique: pa.Array, weights: Weights) -> Tally:
        total = int(weights.sum())
        if pa.types.is_time(unique.type):
            return cls(times=total)
        of_day = np.asarray(seconds(unique)) % DAY_S
        return cls(dates=total, timed=int(weights[of_day != 0].sum()))

    def _add_plain(self, texts: pa.StringArray, weights: Weights, plain: npt.NDArray[np.bool_]) -> None:
        """Counts plain numbers; few have the length of one that a regular expression must look at."""
        if not plain.all():
            texts, weights = texts.filter(pa.array(plain)), weights[plain]
        lengths = np.asarray(pc.binary_length(texts))
        has_point = np.asarray(pc.match_substring(texts, "."))

        def count(pattern: str, among: npt.NDArray[np.bool_]) -> int:
            if not among.any():
                return 0
            matching = pc.match_substring_regex(texts.filter(pa.array(among)), pattern)
            return int(weights[among][np.asarray(matching)].sum())

        self.plain = int(weights.sum())
        self.small = count(_SMALL, ~has_point & (lengths <= _SMALL_MOST))
        low, high = _ONE_GROUP_LENGTHS
        self.point_groups = count(_ONE_GROUP, has_point & (low <= lengths) & (lengths <= high))
        self.points = int(weights[has_point].sum()) - self.point_groups
        self.numbers = texts[:_MOST_NUMBERS].to_pylist()

    def _add(self, text: str, count: int) -> None:
        """Counts a cell that is no plain number."""
        written = amount(text)
        fits = [decimal for decimal in DECIMALS if written is not None and written.fits(decimal)]
        if written is None or not fits or written.value(fits[0]) is None:
            self._add_date_or_word(text, count)
            return
        self.decorated += count
        self.units[written.unit] = self.units.get(written.unit, 0) + count
        self.numbers.append(text)
        if len(fits) == 1:
            self.points += count * (fits == ["."])
            self.commas += count * (fits == [","])
        elif written.is_ambiguous:
            self.comma_groups += count * ("," in written.core)
            self.point_groups += count * ("." in written.core)
        else:
            self.small += count * (len(written.core) <= 3)

    def _add_date_or_word(self, text: str, count: int) -> None:
        written = moment(text)
        if written is None:
            self.others += count
            self.words.append(text)
        elif not written.has_date:
            self.times += count
        else:
            self.dates += count
            self.timed += count * (written.time_s is not None)
            if written.is_numeric:
                self.day_first += count * (written.order == "dmy")
                self.month_first += count * (written.order == "mdy")
                self.either += count * (written.order is None)

    def _cut(self) -> Tally:
        """Bounds what is kept of the values themselves; the same whatever the order of the parts."""
        self.units = dict(sorted(self.units.items(), key=lambda item: (-item[1], item[0]))[:_MOST_UNITS])
        self.words = sorted(set(self.words))[:_MOST_WORDS]
        self.numbers = sorted(set(self.numbers))[:_MOST_NUMBERS]
        return self

    def merge(self, other: Tally) -> Tally:
        """Returns the tally of both."""
        if not self.present or not other.present:
            return self if self.present else other
        merged: dict[str, Any] = {
            name: getattr(self, name) + getattr(other, name) for name in _ATTRIBUTES if name != "units"
        }
        return Tally(**merged, units=dict(Counter(self.units) + Counter(other.units)))._cut()


def plain_tallies(texts: pa.StringArray, columns: Sequence[pa.StringArray]) -> list[Tally]:
    """Returns the tallies of columns that hold nothing but plain numbers and empty cells.

    Args:
        texts: Their cells, column by column.
        columns: The columns, all of the same length.
    """
    shape = (len(columns), -1)
    lengths = np.asarray(pc.binary_length(texts))
    has_point = np.asarray(pc.match_substring(texts, "."))

    def count(pattern: str, among: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        chosen = among.copy()
        if among.any():
            matching = pc.match_substring_regex(texts.filter(pa.array(among)), pattern)
            chosen[among] = np.asarray(matching)
        return np.asarray(chosen.reshape(shape).sum(axis=1))

    small = count(_SMALL, ~has_point & (lengths <= _SMALL_MOST)).tolist()
    low, high = _ONE_GROUP_LENGTHS
    groups = count(_ONE_GROUP, has_point & (low <= lengths) & (lengths <= high))
    points = (has_point.reshape(shape).sum(axis=1) - groups).tolist()
    present = (lengths.reshape(shape) > 0).sum(axis=1).tolist()
    counted = zip(columns, present, points, groups.tolist(), small, strict=True)
    return [
        Tally(plain=n, points=p, point_groups=g, small=s, numbers=sorted(_first_numbers(column)))
        for column, n, p, g, s in counted
    ]


def _first_numbers(column: pa.StringArray) -> list[str]:
    """Returns the first different values of a column; an empty cell is none."""
    first = column[:_PROBED].unique()
    if len(first) <= _MOST_NUMBERS and len(column) > _PROBED:
        first = column.unique()
    numbers = [text for text in first[: _MOST_NUMBERS + 1].to_pylist() if text]
    return numbers[:_MOST_NUMBERS]


_ATTRIBUTES = tuple(attribute.name for attribute in fields(Tally))


@lru_cache(maxsize=256)
def is_tallied(kind: pa.DataType) -> bool:
    """Returns whether a column's type leaves open how its cells are to be read."""
    return not pa.types.is_nested(kind) and (_is_text(kind) or pa.types.is_temporal(kind))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(kind) for test in tests)
