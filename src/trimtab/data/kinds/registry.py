"""The kinds of input by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from trimtab.config.columns import TABLE_COLUMNS
from trimtab.registry import COMPOUNDS, INPUTS, module

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trimtab.config.columns import ColumnKind
    from trimtab.data.kinds.base import InputKind
    from trimtab.data.schema import Column
    from trimtab.data.statistics.column import ColumnSummary

TABLE, NAMED = "tabular", "named"


def input_kind(name: str) -> InputKind:
    """Returns a kind of input.

    Raises:
        KeyError: If there is none of that name: a config and a schema are checked when they are read.
    """
    return cast("InputKind", module(INPUTS if name in INPUTS else COMPOUNDS, name).INPUT)


def name_of(column: ColumnKind) -> str:
    """Returns the name of the kind of input that a kind of column makes."""
    return TABLE if column in TABLE_COLUMNS else column


def kind_of(column: ColumnKind) -> InputKind:
    """Returns the kind of input that a kind of column makes."""
    return input_kind(name_of(column))


def holds_files(column: ColumnKind) -> bool:
    """Returns whether a column of a kind holds encoded files."""
    return kind_of(column).files is not None


def any_files(columns: Iterable[Column]) -> bool:
    """Returns whether any of some columns holds encoded files."""
    return any(holds_files(column.kind) for column in columns)


def words_kind(column: ColumnSummary, present: int) -> ColumnKind:
    """Returns what a column that is no number seems to be.

    Args:
        column: Its summary.
        present: How many rows have a value.
    """
    return next((name for name in INPUTS if input_kind(name).takes(column, present)), "categorical")
