"""What a group of faults came to: counts, of which some must be zero, in one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_TOLD_S = 15.0


@dataclass
class Tally:
    """The outcome of a group.

    Attributes:
        group: Its name.
        zeros: The counts that must be zero.
        counts: How often what happened.
        examples: What is to be looked into, in words.
    """

    group: str
    zeros: tuple[str, ...]
    counts: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    _start: float = field(default_factory=time.monotonic)
    _told: float = field(default_factory=time.monotonic)

    def add(self, name: str, count: int = 1) -> None:
        """Counts something, and says now and then how far it is."""
        self.counts[name] += count
        if (now := time.monotonic()) > self._told + _TOLD_S:
            self._told = now
            done = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
            print(f"  {self.group}: {now - self._start:.0f} s: {done}", file=sys.stderr, flush=True)

    def fault(self, name: str, example: str) -> None:
        """Counts something that must not be, and says what it is."""
        assert name in self.zeros
        self.counts[name] += 1
        self.examples.append(f"{name}: {example}")

    @property
    def is_clean(self) -> bool:
        """Returns whether there is nothing that must not be."""
        return not any(self.counts[name] for name in self.zeros)

    def line(self) -> str:
        """Returns the line of JSON."""
        seconds = round(time.monotonic() - self._start, 1)
        zeros = {name: self.counts[name] for name in self.zeros}
        others = {name: count for name, count in self.counts.items() if name not in zeros}
        return json.dumps({"group": self.group, **others, **self.facts, **zeros, "seconds": seconds})
