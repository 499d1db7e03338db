"""A few statistics of each input column, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trimtab.data.kinds.registry import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trimtab.data.schema import Column
    from trimtab.data.statistics.summary import Summary


def brief_statistics(columns: Sequence[Column], summary: Summary) -> list[dict[str, Any]]:
    """Returns what a report says of the input columns.

    Args:
        columns: The input columns.
        summary: The summary of the training split.
    """
    return [
        {
            "name": column.name,
            "kind": column.kind,
            "missing": summary.columns[column.name].missing,
            **kind_of(column.kind).brief(column, summary),
        }
        for column in columns
    ]
