"""The partitions of all sources, and how the work on them is shared out and told of."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from trimtab import progress
from trimtab.cpus import cpus, threads
from trimtab.data.prepare import split
from trimtab.data.prepare.executor import Executor, executor
from trimtab.data.readers.base import Partition
from trimtab.data.readers.registry import reader_for
from trimtab.home import expanded

if TYPE_CHECKING:
    from trimtab.config.data import Data

_QUIET_SECONDS = 2.0
_SMALL_BYTES = 4 << 20
"""Up to here, reading the sources takes less time than starting processes."""


class Part(NamedTuple):
    """A partition, and whose it is.

    Attributes:
        given: The split that its source is given for.
        source: The source, as in the config.
    """

    given: str
    source: str
    partition: Partition


def parts_of(config: Data) -> list[Part]:
    """Returns the partitions of all sources.

    Raises:
        DataError: If a source is missing, empty or of no known format.
    """
    return [
        Part(given, source, partition)
        for given, source in split.sources(config).items()
        for partition in reader_for(source, config).partitions(source, config)
    ]


@contextlib.contextmanager
def workers_for(parts: Sequence[Part], config: Data) -> Iterator[Executor]:
    """Yields what works on the partitions: this process where starting others would take longer.

    Of wide tables, the threads of one process keep several processors busy, in the memory of one.
    """
    processes = config.workers
    if processes is None and all(part.partition.wide for part in parts):
        processes = -(-cpus() // threads())
    with executor(1 if is_small(parts, _SMALL_BYTES) else processes, len(parts)) as workers:
        yield workers


def is_small(parts: Sequence[Part], most_bytes: int) -> bool:
    """Returns whether the files of the sources have at most so many bytes."""
    size = 0
    for path in {expanded(part.partition.source) for part in parts}:
        for file in path.rglob("*") if path.is_dir() else [path]:
            size += file.stat().st_size if file.is_file() else 0
            if size > most_bytes:
                return False
    return True


class Rate:
    """Says now and then how fast a pass is.

    Args:
        label: Who says so.
        verb: What is done to rows.
        parts: How many partitions there are.
    """

    def __init__(self, label: str, verb: str, parts: int) -> None:
        self._label, self._verb, self._parts = label, verb, parts
        self._rows = self._done = 0
        self._start = self._said = time.monotonic()

    def add(self, rows: int) -> None:
        """Counts a partition that is done.

        Args:
            rows: Its rows.
        """
        self._rows, self._done, now = self._rows + rows, self._done + 1, time.monotonic()
        if now - self._said < _QUIET_SECONDS:
            return
        self._said = now
        rate = self._rows / (now - self._start)
        done = f"{self._verb} {self._rows:,} rows, {rate:,.0f} rows/s"
        progress.say(self._label, f"{done}  (partition {self._done} of {self._parts})")
