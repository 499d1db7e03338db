"""What runtimes' own counters say of an operator, over several runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from trimtab.runtimes.base import Times

_RUNS, _MOST_SECONDS = 60, 3.0
_KEPT = 0.8


def rounds() -> Iterator[int]:
    """Yields the numbers of the runs to count: fewer of a slow model, and at least two."""
    end = time.monotonic() + _MOST_SECONDS
    for number in range(_RUNS):
        if number > 1 and time.monotonic() > end:
            return
        yield number


def typical(runs: Iterable[tuple[str, str, float]], how: str) -> Times:
    """Returns the time of each operator, in the order in which they were first counted.

    Counters have whole units, of which a median would make 0; so it is the mean without the slowest fifth,
    in which a busy machine shows.

    Args:
        runs: ``(name, kind, milliseconds)`` of each operator in each run.
        how: What counted.
    """
    counted: dict[tuple[str, str], list[float]] = {}
    for name, kind, spent in runs:
        counted.setdefault((name, kind), []).append(spent)
    return Times(tuple((*operator, _mean(sorted(spent))) for operator, spent in counted.items()), how)


def _mean(ordered: list[float]) -> float:
    fastest = ordered[: max(1, round(_KEPT * len(ordered)))]
    return sum(fastest) / len(fastest)
