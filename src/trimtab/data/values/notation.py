"""How the cells of a column are written: what is read as a number or as a point in time, and how.

A column's notation is inferred from all of its rows, and is a part of the schema: a cell means the same in
training, in a file to predict on, and in a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from trimtab.data.values import dates
from trimtab.data.values.plain import plain_columns, without_blanks
from trimtab.data.values.values import (
    all_numbers,
    in_range,
    missing_numbers,
    numbers,
    parse,
    plain,
    texts,
)
from trimtab.data.values.written import LONGEST, Decimal, amount


class NumberNotation(BaseModel):
    """Numbers, with the decimal sign and the unit that they are written with.

    Attributes:
        decimal: The sign before a fraction; the other one stands between thousands.
        unit: What may stand beside the number, such as ``%``, ``$`` or ``months``.
    """

    model_config = ConfigDict(frozen=True)

    of: Literal["numbers"] = "numbers"
    decimal: Decimal = "."
    unit: str = ""

    def read(self, column: pa.Array) -> pa.DoubleArray:
        """Returns a column's numbers as float64; null where there is none.

        Args:
            column: Any column but a binary one.
        """
        column = plain(column)
        if not pa.types.is_string(column.type):
            return numbers(column)
        if self.decimal == "." and (plain_numbers := all_numbers(column)) is not None:
            return in_range(plain_numbers)
        encoded = column.dictionary_encode()
        return self._texts(encoded.dictionary).take(encoded.indices)

    def _texts(self, texts: pa.StringArray) -> pa.DoubleArray:
        """Plain numbers are read at once, and what else there may be one by one."""
        parsed = parse(texts)
        if self.decimal == ",":
            parsed = pc.if_else(pc.match_substring(texts, "."), pa.scalar(None, pa.float64()), parsed)
        others = [
            (place, value)
            for place in pc.indices_nonzero(pc.and_(pc.is_null(parsed), pc.is_valid(texts))).to_pylist()
            if (value := self._value(texts[place].as_py())) is not None
        ]
        if not others:
            return parsed
        values = parsed.to_numpy(zero_copy_only=False).copy()
        for place, value in others:
            values[place] = value
        return pa.array(values, pa.float64(), from_pandas=True)

    def _value(self, text: str) -> float | None:
        written = amount(text)
        return None if written is None or written.unit not in ("", self.unit) else written.value(self.decimal)


class DateNotation(BaseModel):
    """Dates, times of day or both; what is read is seconds, since 1970 in UTC or since midnight.

    Attributes:
        order: In which order day and month stand, where the year does not stand first.
        has_date: Whether there is a date, not a time of day alone.
        has_time: Whether there is a time of day.
        epoch_s: What one is worth in seconds where the cells are numbers since 1970.
        digits: Whether the cells are numbers such as 20251231.
    """

    model_config = ConfigDict(frozen=True)

    of: Literal["dates"] = "dates"
    order: dates.Order = "dmy"
    has_date: bool = True
    has_time: bool = False
    epoch_s: float | None = None
    digits: bool = False

    @property
    def is_of_numbers(self) -> bool:
        """Returns whether the cells are plain numbers."""
        return self.digits or self.epoch_s is not None

    def read(self, column: pa.Array) -> pa.DoubleArray:
        """Returns a column's seconds as float64; null where there is no date or time.

        Args:
            column: Any column but a binary one.
        """
        column = plain(column)
        if pa.types.is_temporal(column.type):
            return dates.seconds(column)
        if self.epoch_s is not None:
            return pc.multiply(numbers(column), self.epoch_s)
        if self.digits:
            known = numbers(column).to_numpy(zero_copy_only=False)
            return pa.array(dates.of_digits(known), pa.float64(), from_pandas=True)
        if not pa.types.is_string(column.type):
            return pa.nulls(len(column), pa.float64())
        encoded = column.dictionary_encode()
        values = [None if text is None else self._value(text) for text in encoded.dictionary.to_pylist()]
        return pa.array(values, pa.float64()).take(encoded.indices)

    def _value(self, text: str) -> float | None:
        written = dates.moment(text)
        return None if written is None or written.has_date != self.has_date else written.seconds(self.order)


Notation = Annotated[NumberNotation | DateNotation, Field(discriminator="of")]
PLAIN = NumberNotation()
_EXAMPLES = 3
_MANY = 64
"""From so many columns of text on, plain numbers are read so many columns at a time."""
_ADAPTER: TypeAdapter[Notation | None] = TypeAdapter(Notation | None)


def notation_of(fields: dict[str, Any] | None) -> Notation | None:
    """Returns the notation that ``model_dump`` gave."""
    return _ADAPTER.validate_python(fields)


def as_read(batch: pa.RecordBatch, notations: Mapping[str, Notation]) -> pa.RecordBatch:
    """Returns rows whose columns of known notation are float64.

    Args:
        batch: Rows as a reader gives them.
        notations: By column; those that are not there are ignored.
    """
    if not notations:
        return batch
    names, columns = batch.schema.names, list(batch.columns)
    at_once = _plain_texts(columns, [notations.get(name) == PLAIN for name in names])
    for place, name in enumerate(names):
        notation, column = notations.get(name), columns[place]
        if place in at_once:
            columns[place] = at_once[place]
        elif notation is not None and is_to_read(column.type, notation):
            columns[place] = notation.read(column)
    return pa.RecordBatch.from_arrays(columns, names=names) if columns else batch


def is_to_read(kind: pa.DataType, notation: Notation) -> bool:
    """Returns whether a column's cells are other than what they are read as: numbers are what they are."""
    return not (isinstance(notation, NumberNotation) and _is_number(kind))


def _plain_texts(columns: list[pa.Array], is_plain: list[bool]) -> dict[int, pa.DoubleArray]:
    """Returns columns of text as ``PLAIN`` reads them, by place, where many of them are but plain numbers."""
    words = [at for at, column in enumerate(columns) if is_plain[at] and pa.types.is_string(column.type)]
    if len(words) < _MANY or not len(columns[0]):
        return {}
    plain = plain_columns([columns[at] for at in words])
    places = [words[at] for at in sorted([*plain.whole, *plain.gapped])]
    rows, read = len(columns[0]), dict[int, pa.DoubleArray]()
    for start in range(0, len(places), _MANY):
        chosen = places[start : start + _MANY]
        cells = without_blanks(pa.concat_arrays([columns[at] for at in chosen]))
        joined = in_range(cells.cast(pa.float64()))
        read |= {place: joined.slice(at * rows, rows) for at, place in enumerate(chosen)}
    return read


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


@dataclass(frozen=True)
class Unread:
    """The cells of a column that are there, and that say nothing to the model.

    Attributes:
        column: Its name.
        count: How many there are.
        examples: A few of them.
        counts_as: What they are to the model: ``missing``, as its notation does not read them, or ``other``,
            as no row of the training had their category or id.
    """

    column: str
    count: int
    examples: tuple[str, ...]
    counts_as: Literal["missing", "other"] = "missing"


def unread(name: str, before: pa.RecordBatch, after: pa.RecordBatch) -> Unread | None:
    """Returns the cells of a column that could not be read, or None.

    Args:
        name: The column.
        before: Rows as a reader gives them.
        after: The same, as read.
    """
    column, values = before.column(name), after.column(name)
    if values.null_count == column.null_count:
        return None
    lost = pc.and_(pc.is_null(values), pc.invert(missing_numbers(column)))
    count = pc.sum(lost).as_py() or 0
    return Unread(name, count, _examples(texts(column.filter(lost)))) if count else None


def unseen(name: str, found: pa.Array) -> list[Unread]:
    """Returns what is told of categories or ids that no row of the training had; nothing if there are none.

    Args:
        name: The column.
        found: As texts, each as often as it occurs.
    """
    return [Unread(name, len(found), _examples(found), "other")] if len(found) else []


def _examples(cells: pa.Array) -> tuple[str, ...]:
    return tuple(text.as_py()[:LONGEST] for text in cells.drop_null()[:_EXAMPLES])


class UnreadCells:
    """The cells of many batches that say nothing to the model."""

    def __init__(self) -> None:
        self._by_column: dict[str, Unread] = {}

    def add(self, cells: Iterable[Unread]) -> None:
        """Takes those of a batch."""
        for new in cells:
            old = self._by_column.get(new.column, replace(new, count=0, examples=()))
            examples = tuple(dict.fromkeys([*old.examples, *new.examples]))[:_EXAMPLES]
            self._by_column[new.column] = replace(old, count=old.count + new.count, examples=examples)

    def all(self) -> list[Unread]:
        """Returns the cells of each column."""
        return list(self._by_column.values())

    def told(self) -> list[str]:
        """Returns a sentence about each column."""
        return [_sentence(cells) for cells in self._by_column.values()]


def _sentence(cells: Unread) -> str:
    noun, shown = "value" if cells.count == 1 else "values", ", ".join(map(repr, cells.examples))
    said = {"missing": "cannot be read", "other": "never seen in training"}[cells.counts_as]
    return f"{cells.column}: {cells.count:,} {noun} {said}, such as {shown}: counted as {cells.counts_as}"
