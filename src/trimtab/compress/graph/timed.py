"""Which channels stay under a target in latency: widths are chosen from a table that was measured.

Latency is not monotonic in width, nor a sum over layers: kernels of runtimes work on blocks of channels, and
what one layer gives the next one reads. So the table has the whole model with one group at one width, for
each group and some widths; it says in what order to cut. How far, is said by models along that order, which
are measured in turns as well: what stays was measured itself.

Source: Yang et al., "NetAdapt: Platform-Aware Neural Network Adaptation for Mobile Applications", 2018
(tables of measured latencies); Shen et al., "HALP: Hardware-Aware Latency Pruning", 2021 (what is lost for
what is saved).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from trimtab.compress.graph.dependency import Dependencies
from trimtab.compress.graph.selection import groups, kept, rounded_width
from trimtab.compress.graph.target import LEAST
from trimtab.errors import CompressionError

MOST_EIGHTHS = 8
"""Parts into which a width is divided at most."""

MOST_MODELS = 32
"""In the table, shared out among the groups; each has at least one width."""

PROBES = 16
"""Models that are measured at a time after that, which may become what stays."""

NOISE = 0.01
"""Share of the model's latency that a width has to save to be cut for."""

Widths = Mapping[frozenset[str], int]
Times = Callable[[Sequence[np.ndarray]], tuple[float, list[float]]]
"""The latencies of the whole model, and where so many channels stay, all measured in turns."""


class _Width(NamedTuple):
    """A width of a group: what it loses in importance, and saves in milliseconds where it is cut alone."""

    width: int
    lost: float
    saved: float


def choose_timed(
    dependencies: Dependencies,
    scores: np.ndarray,
    times: Times,
    fits: Callable[[np.ndarray, float, float], bool],
) -> np.ndarray:
    """Chooses the channels that stay so that the model is as fast as asked, as measured.

    Args:
        dependencies: The model's dependencies.
        scores: The importance of every set, ``(channels,)``.
        times: Measures.
        fits: Returns whether the target is met, of the channels that stay, the milliseconds of the whole
            model, and theirs in the same turns.

    Returns:
        For every channel whether it stays, ``(channels,)`` of bool; the same within a set.

    Raises:
        CompressionError: If nothing that was measured is so fast.
    """
    everything, (before, _) = np.ones(len(dependencies.sets), bool), times([])
    if fits(everything, before, before):
        return everything
    every = _candidates(dependencies, scores, times)
    low, high, fastest = -1, len(every), (math.inf, math.inf)
    while high - low > 1:
        stops = _spread(low + 1, high - 1)
        before, after = times([every[stop] for stop in stops])
        fastest = min(fastest, (min(after), before))
        met = [stop for stop, ms in zip(stops, after, strict=True) if fits(every[stop], before, ms)]
        if not met and high == len(every):
            break
        high = min(met, default=high)
        low = max((stop for stop in stops if stop < high), default=low)
    if high == len(every):
        raise CompressionError(
            f"no widths meet the target: the fastest of {len(every)} was measured at {fastest[0]:.3g} ms, "
            f"beside {fastest[1]:.3g} ms of the model as it is",
            hint="Ask for a larger share.",
        )
    return every[high]


def _candidates(dependencies: Dependencies, scores: np.ndarray, times: Times) -> list[np.ndarray]:
    """Returns what may stay: by the table, and all groups by the same share; first what loses the least.

    Some kernels are faster only where all of a model's widths are small: no group alone tells that.
    """
    found = groups(dependencies)
    whole = {makers: len(members) for makers, members in found.items()}
    equal = [
        {makers: _narrowed(count, part / MOST_EIGHTHS) for makers, count in whole.items()}
        for part in range(1, MOST_EIGHTHS)
    ]
    every = [{**whole, **widths} for widths in (*_path(dependencies, scores, times), *equal)]

    def lost(widths: Widths) -> float:
        return sum(_lost(scores[members], widths[makers]) for makers, members in found.items())

    return [kept(dependencies, widths, scores) for widths in sorted(every, key=lost)]


def _path(dependencies: Dependencies, scores: np.ndarray, times: Times) -> list[Widths]:
    """Returns the widths after each cut: first what loses the least importance for a millisecond saved."""
    table, least = _table(dependencies, scores, times)
    now = dict.fromkeys(table, _Width(0, 0.0, 0.0))
    path: list[Widths] = []
    while True:
        moves = [
            ((width.lost - now[makers].lost) / gain, place, makers, width)
            for place, (makers, widths) in enumerate(table.items())
            for width in widths
            if (gain := width.saved - now[makers].saved) > least and width.lost >= now[makers].lost
        ]
        if not moves:
            return path
        _, _, makers, chosen = min(moves, key=lambda move: move[:2])
        now[makers] = chosen
        path.append({makers: width.width for makers, width in now.items() if width.width})


def _table(
    dependencies: Dependencies, scores: np.ndarray, times: Times
) -> tuple[dict[frozenset[str], list[_Width]], float]:
    """Returns what each width of each group saves, and the least that counts."""
    found = groups(dependencies)
    whole = {makers: len(members) for makers, members in found.items()}
    tried = [
        (makers, width) for makers, members in found.items() for width in _widths(len(members), len(found))
    ]
    before, after = times([kept(dependencies, {**whole, makers: width}, scores) for makers, width in tried])
    table: dict[frozenset[str], list[_Width]] = {}
    for (makers, width), ms in zip(tried, after, strict=True):
        lost = _lost(scores[found[makers]], width)
        table.setdefault(makers, []).append(_Width(width, lost, before - ms))
    return table, NOISE * before


def _widths(count: int, shared: int) -> list[int]:
    """Returns the widths of a group that are measured, the widest first."""
    most = int(np.clip(MOST_MODELS // shared, 1, MOST_EIGHTHS - 1))
    widths = {_narrowed(count, 1 - part / (most + 1)) for part in range(1, most + 1)}
    return sorted((width for width in widths if width < count), reverse=True)


def _narrowed(count: int, share: float) -> int:
    return max(1, math.ceil(LEAST * count), rounded_width(count, count * share))


def _lost(scores: np.ndarray, width: int) -> float:
    """Returns the importance that a group loses, of the sets that go."""
    return float(np.sort(scores)[: len(scores) - width].sum())


def _spread(first: int, last: int) -> list[int]:
    """Returns at most ``PROBES`` places from the first to the last one, both included."""
    return sorted({round(place) for place in np.linspace(first, last, min(PROBES, last - first + 1))})
