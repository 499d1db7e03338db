"""Executors map a pure function over the partitions of a source; results never depend on which one ran."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import ModuleType
from typing import Protocol, TypeVar

from trimtab.cpus import cpus
from trimtab.errors import TrimtabError

Item = TypeVar("Item")
Result = TypeVar("Result")
_SELDOM = (50_000, 20, 100)
"""New objects between two looks at the youngest; looks at them between two at older ones."""


class Executor(Protocol):
    """Maps a function of a module over items."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """Yields the results in the order of the items."""


class Inline:
    """Works in this process."""

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """See ``Executor``."""
        return map(function, items)


class ProcessPool:
    """Works in processes that start fresh and inherit no locks, a few items ahead of the caller."""

    def __init__(self, pool: ProcessPoolExecutor, workers: int) -> None:
        self._pool = pool
        self._ahead = 2 * workers

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """See ``Executor``.

        Raises:
            TrimtabError: If a process dies.
        """
        pending: deque[Future[Result]] = deque()
        try:
            for item in items:
                with _anonymous_main():
                    pending.append(self._pool.submit(function, item))
                if len(pending) >= self._ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool as error:
            raise TrimtabError(
                "a worker process died, most likely because memory ran out",
                field="data.workers",
                hint="Set data.workers lower.",
            ) from error
        finally:
            for future in pending:
                future.cancel()


@contextlib.contextmanager
def executor(workers: int | None, items: int) -> Iterator[Executor]:
    """Yields an executor; work that is not worth a process runs in this one.

    Args:
        workers: Processes; None: one a CPU that this process may use.
        items: How many items there will be.
    """
    workers = min(workers or cpus(), items)
    if workers <= 1:
        yield Inline()
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=collect_seldom) as pool:
        yield ProcessPool(pool, workers)


def collect_seldom() -> None:
    """Lets the collector of cycles look less often: of a wide table it finds millions of objects."""
    gc.set_threshold(*_SELDOM)


@contextlib.contextmanager
def collecting_seldom() -> Iterator[None]:
    """Does so for a block; see ``collect_seldom``."""
    before = gc.get_threshold()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextlib.contextmanager
def _anonymous_main() -> Iterator[None]:
    """Hides the main module while processes start, which would otherwise each import it again.

    Workers call functions of this library only. The caller's main module may be costly (kfp's executor
    imports kfp), or a script without a guard, ``if __name__ == "__main__"``, that would run twice.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
