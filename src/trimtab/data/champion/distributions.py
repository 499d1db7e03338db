"""The distributions that a summary holds of a column: what can be compared without the rows themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trimtab.data.statistics.media import DURATION_STEPS_PER_S

if TYPE_CHECKING:
    from trimtab.config.data import ColumnKind
    from trimtab.data.statistics.column import ColumnSummary
    from trimtab.data.statistics.summary import Summary

Floats = npt.NDArray[np.float64]


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
    """

    counts: dict[str, int]
    independent: float
    present: int
    missing: int


Distribution = Numbers | Categories


def distributions(name: str, kind: ColumnKind, summary: Summary) -> dict[str, Distribution]:
    """Returns what is known of a column, by aspect, such as ``values`` or ``brightness``.

    Args:
        name: The column.
        kind: What it is taken for.
        summary: Of some rows.
    """
    column = summary.columns[name]
    if kind == "numeric":
        return {"values": _numeric(name, column, summary)}
    if kind == "categorical":
        return {"values": _categories(column.frequent.top(), summary.rows, column.missing)}
    if kind == "text":
        return _text(column, summary.rows)
    return _image(column, summary.rows) if kind == "image" else _audio(column, summary.rows)


def _numeric(name: str, column: ColumnSummary, summary: Summary) -> Numbers:
    values, counts = summary.sample.numbers(name)
    weights = counts.astype(np.float64)
    whole = int(summary.sample.counts.sum()) == summary.rows
    independent = float(weights.sum()) if whole else _kish(weights)
    return Numbers(values, weights, independent, column.numbers, summary.rows - column.numbers)


def _kish(weights: Floats) -> float:
    """Returns how many rows of weight one are as sure as these (Kish 1965): sampled rows come with copies."""
    return float(weights.sum() ** 2 / np.square(weights).sum()) if len(weights) else 0.0


def _text(column: ColumnSummary, rows: int) -> dict[str, Distribution]:
    lengths = {str(length): count for length, count in enumerate(column.token_lengths)}
    tokens = sum(length * count for length, count in enumerate(column.token_lengths))
    # Tokens of one text depend on each other: together they are taken to say no more than one row does.
    return {
        "tokens": Categories(column.tokens.top(), sum(column.token_lengths), tokens, 0),
        "length in tokens": _histogram(lengths, rows),
    }


def _image(column: ColumnSummary, rows: int) -> dict[str, Distribution]:
    media = column.media
    return {
        "height x width": _categories(_top(media.sizes), rows, rows - media.images),
        "brightness": _histogram(media.brightness, sum(media.brightness.values())),
    }


def _audio(column: ColumnSummary, rows: int) -> dict[str, Distribution]:
    media = column.media
    return {
        "sample rate in Hz": _categories(_top(media.rates), rows, rows - media.clips),
        "duration in s": _histogram(media.durations, rows, 1 / DURATION_STEPS_PER_S),
        "loudness in dB": _histogram(media.loudness, sum(media.loudness.values())),
    }


def _categories(counts: dict[str, int], rows: int, missing: int) -> Categories:
    return Categories(counts, rows, rows - missing, missing)


def _histogram(counts: dict[str, int], rows: int, unit: float = 1.0) -> Numbers:
    ordered = sorted((int(value), count) for value, count in counts.items() if count)
    values = np.array([value * unit for value, _ in ordered], np.float64)
    weights = np.array([count for _, count in ordered], np.float64)
    present = int(weights.sum())
    return Numbers(values, weights, present, present, rows - present)


def _top(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
