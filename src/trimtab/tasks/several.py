"""Several labels of a row as one text, in one form whatever the source wrote: sorted, each once.

A label stands behind a mark, so that no row's text is empty (a row that none of the labels applies to has the
mark alone) nor reads as a number.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

MARK = "␟"
"""The picture of ASCII's unit separator, which stands in no label."""


def joined(labels: Iterable[str]) -> str:
    """Returns the labels of a row as one text.

    >>> joined(["red", "blue", "red"])
    '␟blue␟red'
    """
    return MARK + MARK.join(sorted(set(labels)))


def parted(text: str) -> list[str]:
    """Returns the labels of a row.

    >>> parted("␟blue␟red"), parted("␟")
    (['blue', 'red'], [])
    """
    return [label for label in text.split(MARK) if label]


def lists(texts: pa.StringArray) -> pa.ListArray:
    """Returns the labels of every row, the empty text before the first mark among them."""
    return pc.split_pattern(texts, MARK)
