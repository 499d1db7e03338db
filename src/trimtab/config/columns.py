"""What ``data.columns`` says of a column: its kind, or how its values are written."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from trimtab.config.base import Section
from trimtab.config.registered import Registered
from trimtab.registry import INPUTS

TABLE_COLUMNS = ("numeric", "categorical", "datetime")
ColumnKind = Annotated[str, Registered(INPUTS, {"tabular": TABLE_COLUMNS})]


class Numbers(Section):
    """How the numbers of a column are written."""

    decimal: Literal[".", ","] = Field(
        description="The sign before a fraction; the other one stands between thousands."
    )


class Dates(Section):
    """How the dates of a column are written."""

    order: Literal["dmy", "mdy"] = Field(description="Whether the day or the month stands first.")


class NumericColumn(Section):
    """A column of numbers, and how they are written."""

    numeric: Numbers


class DatetimeColumn(Section):
    """A column of dates, and how they are written."""

    datetime: Dates


def _form(value: Any) -> str:
    """Returns which form the setting of a column has."""
    if isinstance(value, dict):
        return "datetime" if "datetime" in value else "numeric"
    if isinstance(value, NumericColumn):
        return "numeric"
    return "datetime" if isinstance(value, DatetimeColumn) else "kind"


ColumnSetting = Annotated[
    Annotated[ColumnKind, Tag("kind")]
    | Annotated[NumericColumn, Tag("numeric")]
    | Annotated[DatetimeColumn, Tag("datetime")],
    Discriminator(_form),
]
