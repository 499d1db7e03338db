"""How many bytes of a table are taken at a time: work costs by the column, and wide rows are long."""

from __future__ import annotations

_USUAL_COLUMNS = 256


def bytes_at_a_time(usual: int, columns: int) -> int:
    """Returns how many bytes of a table to take at a time, so that they hold enough rows to be worth it.

    Args:
        usual: As many are taken of a table of up to 256 columns.
        columns: The table's.
    """
    return usual * max(1, columns // _USUAL_COLUMNS)
