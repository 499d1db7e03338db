"""Work on many objects at once, by threads: the time goes into waiting for the network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
WORKERS = 8
_thread = threading.local()


def in_parallel(work: Callable[[Item], Outcome], items: Iterable[Item]) -> list[Outcome]:
    """Applies ``work`` to every item and returns the outcomes in order; the first error, or Ctrl-C, ends it.

    Args:
        work: Safe to call from several threads.
        items: What to work on.
    """
    over = threading.Event()
    with ThreadPoolExecutor(WORKERS, "storage", setattr, (_thread, "over", over)) as pool:
        try:
            futures = [pool.submit(work, item) for item in items]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            failed = [future for future in done if future.exception() is not None]
            return [future.result() for future in failed or futures]
        finally:  # after an error, or where a signal ends the wait, what has not begun does not begin
            over.set()
            pool.shutdown(wait=True, cancel_futures=True)


def abandoned() -> bool:
    """Returns whether nobody waits any more for what this thread works on: it need not try again."""
    over: threading.Event | None = getattr(_thread, "over", None)
    return over is not None and over.is_set()
