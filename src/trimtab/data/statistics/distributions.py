"""The distributions that a summary holds of a column: what can be compared without the rows themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_MOST_CATEGORIES = 20


@dataclass(frozen=True)
class Numbers:
    """Numbers, each with how often it occurs.

    Attributes:
        values: In rising order.
        weights: How often each occurs, ``(n,)``.
        independent: How many independent rows they stand for.
        present: How many rows have a number.
        missing: How many rows have none.
    """

    values: Floats
    weights: Floats
    independent: float
    present: int
    missing: int


@dataclass(frozen=True)
class Categories:
    """Values with how often each occurs.

    Attributes:
        counts: By value, the most frequent ones first; less frequent ones may be left out.
        independent: How many independent rows all of them stand for, missing ones among them.
        present: How many values there are, left out ones among them.
        missing: How many are missing.
        compared: How many of the most frequent ones are told apart where two are compared.
    """

    counts: dict[str, int]
    independent: float
    present: int
    missing: int
    compared: int = _MOST_CATEGORIES


Distribution = Numbers | Categories


def categories(counts: dict[str, int], rows: int, missing: int) -> Categories:
    """Returns the distribution of a value a row."""
    return Categories(counts, rows, rows - missing, missing)


def histogram(counts: dict[str, int], rows: int, unit: float = 1.0) -> Numbers:
    """Returns the distribution of a number a row.

    Args:
        counts: Rows by number of units.
        rows: All rows, those without a number among them.
        unit: What one of the units is.
    """
    ordered = sorted((int(value), count) for value, count in counts.items() if count)
    values = np.array([value * unit for value, _ in ordered], np.float64)
    weights = np.array([count for _, count in ordered], np.float64)
    present = int(weights.sum())
    return Numbers(values, weights, present, present, rows - present)


def most_frequent(counts: dict[str, int], number: int | None = None) -> dict[str, int]:
    """Returns values by falling count, then by name.

    Args:
        counts: How often each occurs.
        number: How many of them; None: all.
    """
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:number])
