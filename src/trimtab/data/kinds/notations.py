"""How the cells of each column are written, from the tallies of all rows and the config's overrides.

A column is read as numbers where nearly all of its cells are some: `1,234.5` or `1.234,5`, with one currency
or unit, a percent sign, or parentheses for what is below zero. The few others are missing, and warned of. It
is read as dates or times of day on the same terms. What one column leaves open (`1,234`, `01/02/2025`),
another column of the rows may decide; where none does, the config must.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pyarrow as pa

from trimtab.config.columns import DatetimeColumn, NumericColumn
from trimtab.data.kinds.infer import is_called_identifier
from trimtab.data.readers.label import labelled
from trimtab.data.values.dates import DAY_S
from trimtab.data.values.notation import PLAIN, DateNotation, Notation, NumberNotation
from trimtab.data.values.tally import Tally
from trimtab.errors import DataError
from trimtab.tasks import registry as tasks

if TYPE_CHECKING:
    from trimtab.config.data import Data
    from trimtab.data.schema import DatasetSchema
    from trimtab.data.statistics.column import ColumnSummary
    from trimtab.data.statistics.summary import Summary
    from trimtab.data.values.dates import Order
    from trimtab.data.values.written import Decimal

_FEW = 0.05
_MARKERS, _MARKED = 3, 0.5
"""A column may have so many words that say that a number is missing, in up to this share of its rows."""
_MANY_NUMBERS = 10
_TIME_NAMES = re.compile(r"(^|_)(time|timestamp|ts|date|datetime|epoch|created|updated|at)($|_)")
_EPOCHS = {1.0: (3e8, 4.2e9), 1e-3: (3e11, 4.2e12)}
_UNNAMED_S = (946_684_800.0, 1_893_456_000.0)
"""Where the column's name says nothing, seconds since 1970 are from 2000 to 2029, ..."""
_UNNAMED_SPAN_S, _UNNAMED_STEP_S, _UNNAMED_DISTINCT = 7 * DAY_S, 10.0, 20
"""... over a week or more, 20 or more of them different, and 10 s apart in the mean: what counts is not."""
_DISTINCT_DAYS = 5
"""By chance, one of 27 numbers in the range of days is one."""
_COUNTS = {1.0: "seconds since 1970", 1e-3: "milliseconds since 1970"}
_EXAMPLES = 3


def infer_notations(
    summary: Summary, config: Data, champion: DatasetSchema | None = None
) -> dict[str, Notation]:
    """Returns the notation of each column that is more than plain numbers, or no numbers at all.

    Args:
        summary: Of all rows, whatever notations it was made by.
        config: The config's data section.
        champion: The schema of the model in service: its notations hold as long as they read the new rows.

    Raises:
        DataError: If `1,234` or `01/02/2025` may be either of two things.
    """
    return _Notations(summary, config, champion, strict=True).all()


def first_notations(
    summary: Summary, config: Data, champion: DatasetSchema | None = None
) -> dict[str, Notation]:
    """Returns what the first rows seem to be written in; see ``infer_notations``.

    Args:
        summary: Of the first rows.
        config: The config's data section.
        champion: As for ``infer_notations``.
    """
    return _Notations(summary, config, champion, strict=False).all()


def notation_of_cells(name: str, cells: pa.StringArray) -> Notation:
    """Returns the notation of a column that nothing is known of but its cells: numbers, if it is no other.

    Args:
        name: The column.
        cells: As they are written.

    Raises:
        DataError: If `1,234` or `01/02/2025` may be either of two things.
    """
    tally = Tally.of_column(cells)
    if tally.dates + tally.times > tally.plain + tally.decorated:
        if tally.either and not tally.day_first + tally.month_first:
            raise _either(name, "01/02/2025")
        return _dates(tally, "dmy" if tally.day_first >= tally.month_first else "mdy")
    shows = tally.points + tally.commas
    if not shows and tally.comma_groups and (tally.point_groups or not tally.small):
        raise _either(name, "1,234")
    return NumberNotation(decimal="," if tally.commas > tally.points else ".", unit=_unit(tally))


def _either(name: str, written: str) -> DataError:
    return DataError(
        f"{written} may be either of two things, and no other of its values tells which",
        field=name,
        hint="Leave it among the model's columns, where data.columns can say how it is written.",
    )


def unread(tally: Tally, notation: Notation) -> int:
    """Returns how many cells a notation does not read."""
    if isinstance(notation, DateNotation):
        if notation.is_of_numbers:
            return tally.present - tally.plain
        other = tally.month_first if notation.order == "dmy" else tally.day_first
        return tally.present - (tally.dates - other if notation.has_date else tally.times)
    against = tally.commas if notation.decimal == "." else tally.points
    units = sum(count for unit, count in tally.units.items() if unit not in ("", notation.unit))
    return tally.dates + tally.times + tally.others + against + units


class _Notations:
    """The notations of the columns of some rows."""

    def __init__(
        self, summary: Summary, config: Data, champion: DatasetSchema | None, *, strict: bool
    ) -> None:
        self._summary, self._config, self._strict = summary, config, strict
        self._before = {column.name: column for column in champion.columns} if champion else {}
        ways = ("points", "commas", "day_first", "month_first")
        self._written = {
            way: [name for name, column in summary.columns.items() if getattr(column.tally, way)][:2]
            for way in ways
        }
        names = list(summary.columns)
        self._labels = labelled(names, config)
        before = champion.each_label.values() if champion else []
        self._labels_before = {each.label: each.label_notation for each in before}

    def all(self) -> dict[str, Notation]:
        notations = {name: self._notation(name, column) for name, column in self._summary.columns.items()}
        return {name: notation for name, notation in notations.items() if notation is not None}

    def _notation(self, name: str, column: ColumnSummary) -> Notation | None:
        if name in self._config.drop or name == self._config.groups_alone:
            return None
        if name in self._labels:
            return self._of_label(name, column)
        setting = self._config.columns.get(name)
        if isinstance(setting, NumericColumn):
            return NumberNotation(decimal=setting.numeric.decimal, unit=_unit(column.tally))
        if isinstance(setting, DatetimeColumn):
            return _counted(name, column, forced=True) or _dates(column.tally, setting.datetime.order)
        if setting not in (None, "numeric", "datetime"):
            return None
        before = self._before.get(name)
        if before is not None and (held := _held(before.notation, before.kind, column.tally)) is not None:
            return held
        if setting != "numeric" and (dates := self._as_dates(name, column, forced=setting is not None)):
            return dates
        return (
            self._as_numbers(name, column.tally, forced=setting is not None)
            if setting != "datetime"
            else None
        )

    def _of_label(self, name: str, column: ColumnSummary) -> Notation | None:
        """Returns how a label is written if it is a number."""
        tally, config, before = column.tally, self._labels[name], self._labels_before.get(name)
        task = config.task
        if not tally.decorated or (task is not None and not tasks.task(task).meaning.is_numeric):
            return None
        if task is None and not _is_number(column, config):
            return None
        if before is not None and not unread(tally, before):
            return before
        return self._as_numbers(name, tally, forced=task is not None)

    def _as_numbers(self, name: str, tally: Tally, *, forced: bool) -> NumberNotation | None:
        if not tally.plain + tally.decorated:
            return PLAIN if forced and tally.present else None
        decimal = self._decimal(name, tally)
        if decimal == "." and not tally.decorated + tally.others:
            return None
        notation = NumberNotation(decimal=decimal, unit=_unit(tally)) if decimal else None
        if notation is None or not (forced or _nearly_all(tally, unread(tally, notation))):
            return None
        return notation

    def _decimal(self, name: str, tally: Tally) -> Decimal | None:
        """Returns the decimal sign; None where the first rows leave it open."""
        if tally.points or tally.commas:
            return "." if tally.points >= tally.commas else ","
        decided = self._others_decimal(name)
        if tally.comma_groups and (tally.point_groups or not tally.small):
            if decided is None:
                self._open(name, "1,234", "{numeric: {decimal: '.'}}", "{numeric: {decimal: ','}}")
            return decided
        # A point alone is what a plain number has, unless all other columns have commas.
        return "," if tally.point_groups and decided == "," else "."

    def _others_decimal(self, name: str) -> Decimal | None:
        """Returns the decimal sign of the other columns, if they agree."""
        points, commas = self._any_other(name, "points"), self._any_other(name, "commas")
        return None if points == commas else "." if points else ","

    def _as_dates(self, name: str, column: ColumnSummary, *, forced: bool) -> DateNotation | None:
        tally = column.tally
        if (counted := _counted(name, column, forced=forced)) is not None:
            return counted
        if not tally.dates + tally.times:
            return _unnamed(name, column) if self._strict and name not in self._before else None
        order: Order | None = "dmy" if tally.day_first >= tally.month_first else "mdy"
        if tally.either and not tally.day_first + tally.month_first:
            if not _nearly_all(tally, tally.present - tally.dates):
                return None
            order = self._others_order(name)
        if order is None:
            self._open(name, "01/02/2025", "{datetime: {order: dmy}}", "{datetime: {order: mdy}}")
            return None
        notation = _dates(tally, order)
        return notation if forced or _nearly_all(tally, unread(tally, notation)) else None

    def _others_order(self, name: str) -> Order | None:
        days, months = self._any_other(name, "day_first"), self._any_other(name, "month_first")
        return None if days == months else "dmy" if days else "mdy"

    def _any_other(self, name: str, way: str) -> bool:
        """Returns whether another column has cells that are written in a way."""
        return any(other != name for other in self._written[way])

    def _open(self, name: str, written: str, setting: str, other: str) -> None:
        """Says that only the config can tell what a column means; of the first rows, others may tell."""
        if self._strict:
            raise DataError(
                f"{written} may be either of two things here, and no other column tells which",
                path=self._config.train,
                field=name,
                hint=f"Set data.columns: {{{name}: {setting}}}, or {{{name}: {other}}}.",
            )


def _held(before: Notation | None, kind: str, tally: Tally) -> Notation | None:
    """Returns the champion's notation of a column where it reads the new rows as well."""
    if before is None and (kind != "numeric" or not tally.decorated):
        return None
    notation = before or PLAIN
    return notation if _nearly_all(tally, unread(tally, notation)) else None


def _nearly_all(tally: Tally, rest: int) -> bool:
    """Returns whether cells that a notation does not read are few enough to be missing ones."""
    if not rest:
        return True
    dates = tally.dates + tally.times > tally.plain + tally.decorated
    if not dates and len(tally.numbers) < _MANY_NUMBERS:
        return False
    marked = len(tally.words) <= _MARKERS and rest == tally.others
    return rest <= (_MARKED if marked else _FEW) * tally.present


def _dates(tally: Tally, order: Order) -> DateNotation:
    has_date = tally.dates >= tally.times
    return DateNotation(order=order, has_date=has_date, has_time=not has_date or tally.timed > 0)


def _unit(tally: Tally) -> str:
    units = {unit: count for unit, count in tally.units.items() if unit}
    return max(sorted(units), key=lambda unit: units[unit], default="")


def _is_number(column: ColumnSummary, config: Data) -> bool:
    """Returns whether a label is a number once what decorates it is gone."""
    tally = column.tally
    fractions = tally.points + tally.commas
    numbers = tally.plain + tally.decorated
    bare = dataclasses.replace(
        column, type="float", words=0, numbers=numbers, integers=numbers - min(fractions, numbers)
    )
    return tasks.task_of_label(bare, config).meaning.is_numeric


def _counted(name: str, column: ColumnSummary, *, forced: bool) -> DateNotation | None:
    """Returns how numbers are dates where the column's name or the config says that they are."""
    notation = column.notation
    if isinstance(notation, DateNotation) and notation.is_of_numbers:
        return notation
    if not column.numeric or not (forced or _TIME_NAMES.search(_snake(name))):
        return None
    if column.days == column.numbers:
        return DateNotation(digits=True)
    low, high = column.minimum or 0.0, column.maximum or 0.0
    units = (unit for unit, (least, most) in _EPOCHS.items() if least <= low <= high <= most)
    return next((DateNotation(has_time=True, epoch_s=unit) for unit in units), None)


def _unnamed(name: str, column: ColumnSummary) -> DateNotation | None:
    """Returns how numbers are dates where they can hardly be anything else: all of them are looked at.

    Every number is a day such as 20251231; or every number is a whole one of seconds or milliseconds of these
    decades, far enough apart that they neither count nor lie side by side, and no identifier by its name.
    """
    if not column.numeric or column.integers < column.numbers or is_called_identifier(name):
        return None
    distinct = column.distinct.estimate
    if column.days == column.numbers and distinct >= _DISTINCT_DAYS:
        return DateNotation(digits=True)
    least, most = _UNNAMED_S
    for unit in _EPOCHS:
        low, high = unit * (column.minimum or 0.0), unit * (column.maximum or 0.0)
        is_wide = high - low >= max(_UNNAMED_SPAN_S, _UNNAMED_STEP_S * distinct)
        if least <= low <= high <= most and is_wide and distinct >= _UNNAMED_DISTINCT:
            return DateNotation(has_time=True, epoch_s=unit)
    return None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\s.-]+", "_", name).lower()


def misread(name: str, column: ColumnSummary) -> str:
    """Returns a warning about the values that a column's notation does not read, or nothing.

    Args:
        name: The column.
        column: Of all rows.
    """
    notation, tally = column.notation, column.tally
    rest = unread(tally, notation) if notation is not None else 0
    if not rest:
        return ""
    what = "dates" if isinstance(notation, DateNotation) else "numbers"
    words = f", such as {', '.join(map(repr, tally.words[:_EXAMPLES]))}" if tally.words else ""
    return (
        f"{name}: {rest:,} of {tally.present:,} values are no {what} as the others are{words}: "
        f"they count as missing; data.columns: {{{name}: categorical}} takes all as words"
    )


def told(name: str, column: ColumnSummary) -> str:
    """Returns how a column is read, in words; nothing where its values are plain.

    Args:
        name: The column.
        column: Of all rows.
    """
    notation = column.notation
    if isinstance(notation, DateNotation):
        parts = [*(["date"] if notation.has_date else []), *(["time of day"] if notation.has_time else [])]
        how = ", the month first" if notation.order == "mdy" and column.tally.month_first else ""
        if notation.is_of_numbers:
            numbers = "numbers such as 20251231" if notation.digits else _COUNTS[notation.epoch_s or 1.0]
            how = f", from {numbers}; data.columns: {{{name}: numeric}} takes them as they are"
        return f"{name} is read as {' and '.join(parts)}{how}"
    if notation is None or not column.tally.decorated:
        return ""
    unit = f" of the unit {notation.unit}" if notation.unit else ""
    return f"{name} is read as numbers{unit} with a decimal {'point' if notation.decimal == '.' else 'comma'}"
