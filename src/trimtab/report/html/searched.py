"""The table of what ``recipes: auto`` tried."""

from __future__ import annotations

from trimtab.artifacts.search import SearchSummary, Tried
from trimtab.report.html.rows import PlainTable, table


def searched_rows(search: SearchSummary | None) -> PlainTable:
    """Returns what was tried, a row each, in order; no rows where nothing was searched for."""
    return table([_row(tried) for tried in search.tried] if search else [])


def _row(tried: Tried) -> dict[str, object]:
    kb = None if tried.size_bytes is None else tried.size_bytes / 1000
    return {
        "tried": tried.candidate,
        "fine-tuned": f"{tried.epochs} epochs" if tried.epochs else "" if tried.tuned else "not at all",
        "share of the limit": tried.strain,
        "ms": tried.latency_ms,
        "kB": kb,
        "cost": tried.cost,
        "outcome": "handed on" if tried.chosen else tried.reason,
    }
