"""How the training rows are distributed, a few bars an aspect of a column: for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, Field

from trimtab.data.kinds.registry import kind_of
from trimtab.data.statistics.distributions import Categories, Distribution, Numbers

if TYPE_CHECKING:
    from trimtab.data.schema import Column
    from trimtab.data.statistics.summary import Summary

MOST = 60
_BARS = 12
_REST, _MISSING = "(others)", "(missing)"


class Bar(BaseModel):
    """One bar."""

    label: str = Field(description="A value, or where a range begins and ends.")
    share: float = Field(description="Of all that is counted, missing ones among it.")


class Histogram(BaseModel):
    """One aspect of a column."""

    name: str = Field(description="The column.")
    aspect: str = Field(description="What of it: `values`, `tokens`, `brightness` and others.")
    bars: list[Bar]


def histograms(columns: Sequence[Column], summary: Summary) -> list[Histogram]:
    """Returns histograms of the input columns, of the first ``MOST`` aspects.

    Args:
        columns: The input columns.
        summary: The summary of the training split.
    """
    aspects: list[Histogram] = []
    for column in columns:
        if len(aspects) == MOST:
            break
        for aspect, distribution in kind_of(column.kind).distributions(column, summary).items():
            bars = list(_bars(distribution))
            if bars and len(aspects) < MOST:
                aspects.append(Histogram(name=column.name, aspect=aspect, bars=bars))
    return aspects


def _bars(distribution: Distribution) -> Iterator[Bar]:
    total = distribution.present + distribution.missing
    if not total or not distribution.present:
        return
    for label, count in (
        _of_numbers(distribution) if isinstance(distribution, Numbers) else _of_values(distribution)
    ):
        yield Bar(label=label, share=float(count) / total)
    if distribution.missing:
        yield Bar(label=_MISSING, share=distribution.missing / total)


def _of_values(categories: Categories) -> Iterator[tuple[str, float]]:
    """Yields the most frequent values, and all others as one."""
    shown = dict(list(categories.counts.items())[:_BARS])
    yield from shown.items()
    rest = categories.present - sum(shown.values())
    if rest > 0:
        yield _REST, rest


def _of_numbers(numbers: Numbers) -> Iterator[tuple[str, float]]:
    """Yields ranges of equal width between the outer hundredths; a few values are told one by one."""
    if not numbers.values.size:
        return
    scale = numbers.present / max(float(numbers.weights.sum()), 1e-300)
    if numbers.values.size <= _BARS:
        for value, weight in zip(numbers.values, numbers.weights, strict=True):
            yield f"{value:.4g}", float(weight) * scale
        return
    edges = _edges(numbers)
    counts, _ = np.histogram(np.clip(numbers.values, edges[0], edges[-1]), edges, weights=numbers.weights)
    for place, count in enumerate(counts):
        yield _range(edges, place), float(count) * scale


def _edges(numbers: Numbers) -> np.ndarray:
    """Returns the ends of the ranges: a few far values would press all others into one."""
    share = np.cumsum(numbers.weights) / numbers.weights.sum()
    low, high = (numbers.values[np.searchsorted(share, level)] for level in (0.01, 0.99))
    if low == high:
        low, high = numbers.values[0], numbers.values[-1]
    return np.linspace(low, high, _BARS + 1)


def _range(edges: np.ndarray, place: int) -> str:
    if place == 0:
        return f"< {edges[1]:.3g}"
    if place == len(edges) - 2:
        return f">= {edges[-2]:.3g}"
    return f"{edges[place]:.3g} to {edges[place + 1]:.3g}"
