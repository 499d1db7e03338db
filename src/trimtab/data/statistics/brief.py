"""A few statistics of each input column, for people."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimtab.data.schema import Column
    from trimtab.data.statistics.summary import Summary

_SHOWN = 5


def brief_statistics(columns: Sequence[Column], summary: Summary) -> list[dict[str, Any]]:
    """Returns what a report says of the input columns.

    Args:
        columns: The input columns.
        summary: The summary of the training split.
    """
    return [_brief(column, summary) for column in columns]


def _brief(column: Column, summary: Summary) -> dict[str, Any]:
    found = summary.columns[column.name]
    brief: dict[str, Any] = {"name": column.name, "kind": column.kind, "missing": found.missing}
    if column.kind == "numeric":
        brief |= {
            "missing": summary.rows - found.numbers,
            "mean": found.mean,
            "std": sqrt(found.variance),
            "minimum": found.minimum,
            "maximum": found.maximum,
        }
    elif column.kind == "categorical":
        brief |= {"distinct": found.distinct.estimate, "most_frequent": found.frequent.top(_SHOWN)}
    elif column.kind == "text":
        texts = sum(found.token_lengths)
        tokens = sum(length * count for length, count in enumerate(found.token_lengths))
        brief |= {"mean_tokens": tokens / max(texts, 1), "most_frequent": found.tokens.top(_SHOWN)}
    else:
        media = found.media
        shown = (
            {"sizes": media.sizes, "modes": media.modes} if column.kind == "image" else {"rates": media.rates}
        )
        brief |= {"missing": media.unreadable, **{name: _top(counts) for name, counts in shown.items()}}
    return brief


def _top(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN])
