"""Bodies that are on their way: whoever sends too slowly, or too many at a time, makes room for others.

A body that is not whole costs a task and its bytes, but no place among the requests that are worked on. Those
that come at once, as nearly all do, never get here.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from trimtab.deploy.serving.limits import Limits


@dataclass(eq=False, slots=True)
class Arrival:
    """A body of which a part is there.

    Attributes:
        address: Whose it is.
        task: Reads it.
        received_bytes: How much of it is there.
        start: When it began, by ``time.perf_counter``.
        is_cut: Whether its client was too slow, or took too much of the room.
    """

    address: str
    task: asyncio.Task[object]
    received_bytes: int = 0
    start: float = field(default_factory=time.perf_counter)
    is_cut: bool = False

    def bytes_s(self, now: float) -> float:
        """Returns how fast it comes; one that has just begun is not yet judged by its first packet."""
        return self.received_bytes / max(now - self.start, 1.0)


class Arrivals:
    """All bodies on their way.

    Args:
        limits: How many there may be, and how slow.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._all: dict[Arrival, None] = {}
        self._of: Counter[str] = Counter()

    def __len__(self) -> int:
        """Returns how many there are."""
        return len(self._all)

    def begin(self, address: str, task: asyncio.Task[object]) -> Arrival:
        """Returns a new one; where there are too many, of all or of its address, the slowest one is cut."""
        if self._of[address] >= self._limits.arriving_of_one:
            self._cut_slowest(other for other in self._all if other.address == address)
        elif len(self._all) >= self._limits.arriving:
            self._cut_slowest(self._all)
        arrival = Arrival(address, task)
        self._all[arrival] = None
        self._of[address] += 1
        return arrival

    def end(self, arrival: Arrival) -> None:
        """Forgets one that is whole, or given up."""
        if arrival in self._all:
            del self._all[arrival]
            self._of[arrival.address] -= 1
            if not self._of[arrival.address]:
                del self._of[arrival.address]

    def cut_slow(self) -> None:
        """Cuts those that have had some time, and come more slowly than they may."""
        now, limits = time.perf_counter(), self._limits
        due = (arrival for arrival in self._all if now - arrival.start > limits.patience_s)
        for arrival in [arrival for arrival in due if arrival.bytes_s(now) < limits.slowest_bytes_s]:
            self._cut(arrival)

    def make_room(self, arrival: Arrival | None) -> bool:
        """Cuts the slowest one of the others, and returns whether there was any."""
        others = [other for other in self._all if other is not arrival]
        if others:
            self._cut_slowest(others)
        return bool(others)

    def _cut_slowest(self, arrivals: Iterable[Arrival]) -> None:
        now = time.perf_counter()
        self._cut(min(arrivals, key=lambda arrival: arrival.bytes_s(now)))

    def _cut(self, arrival: Arrival) -> None:
        self.end(arrival)
        arrival.is_cut = True
        arrival.task.cancel()
