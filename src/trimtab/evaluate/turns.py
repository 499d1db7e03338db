"""Models that take turns: one is fed an example, run, and timed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from trimtab.batch import Batch, rows, take
from trimtab.runtimes.base import LoadedModel
from trimtab.runtimes.registry import runtime

WARM_UP = 5


@dataclass(frozen=True)
class Served:
    """A model as it is served.

    Attributes:
        runtime: The name of its runtime.
        directory: Where its files are.
        streams: Batches that it answers at a time.
    """

    runtime: str
    directory: Path
    streams: int = 1

    def load(self, threads: int) -> LoadedModel:
        """Returns it, loaded.

        Args:
            threads: Threads of the runtime.

        Raises:
            ModelError: If it cannot be loaded.
        """
        return runtime(self.runtime).load(self.directory, threads, streams=self.streams)


class Turns(Protocol):
    """Models of one runtime, here or in a process of their own."""

    def warm_up(self, name: str) -> int:
        """Runs a model a few times, and returns what a turn of it takes, in nanoseconds."""

    def take(self, names: Sequence[str], number: int) -> list[int]:
        """Returns the nanoseconds of models' turns, which they take one after the other.

        Args:
            names: The models' ids, in the order of their turns.
            number: The round's, which says what example they get.
        """


class LocalTurns:
    """Models in this process.

    Args:
        models: Where they are, by id.
        examples: Each one's examples.
        threads: Threads of the runtime.

    Raises:
        ModelError: If one cannot be loaded.
    """

    def __init__(self, models: Mapping[str, Served], examples: Mapping[str, Batch], threads: int) -> None:
        self._models = {name: served.load(threads) for name, served in models.items()}
        self._examples = examples

    def warm_up(self, name: str) -> int:
        """See ``Turns.warm_up``."""
        return 2 * min(self._turn(name, number) for number in range(WARM_UP))

    def take(self, names: Sequence[str], number: int) -> list[int]:
        """See ``Turns.take``."""
        return [self._turn(name, number) for name in names]

    def _turn(self, name: str, number: int) -> int:
        examples = self._examples[name]
        place = number % rows(examples)
        return timed(self._models[name], take(examples, place, place + 1))


def timed(model: LoadedModel, example: Batch) -> int:
    """Returns the nanoseconds of the second of two runs on an example.

    The model's weights are in the caches then, as when it is served, and not its rival's.
    """
    model.feed(example)
    model.invoke()
    start = time.perf_counter_ns()
    model.invoke()
    return time.perf_counter_ns() - start
