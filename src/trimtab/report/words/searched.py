"""What ``recipes: auto`` did, in a sentence."""

from __future__ import annotations

from trimtab.artifacts.search import SearchSummary


def sentence(search: SearchSummary | None) -> str:
    """Returns what was tried and handed on, and why it ended; empty where nothing was searched for."""
    if search is None:
        return ""
    handed_on = sum(tried.chosen for tried in search.tried)
    return (
        f"recipes: auto tried {len(search.tried)}, with {search.epochs} epochs of fine-tuning, guided by "
        f"{search.rows:,} validation rows, and handed on {handed_on}; {search.stopped}."
    )
