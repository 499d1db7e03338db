"""What the ids in a cell are, for statistics and for the encoder."""

from __future__ import annotations


def ids_of(text: str, separator: str) -> list[str]:
    """Returns the ids of a cell, in their order; none of an empty one.

    >>> ids_of("Drama| Comedy", "|")
    ['Drama', 'Comedy']
    """
    return [part for each in text.split(separator) if (part := each.strip())]
