"""What a process that is told to stop still does: save, publish, say so, and go in time.

A pod that is pre-empted gets SIGTERM, and SIGKILL a little later. A stage that can save what it has done runs
in ``watched``: the first SIGTERM or SIGINT raises ``Preempted`` in the main thread, or, where a loop asks
``requested`` after every step, is left to that loop. The main thread may be deep in a call that takes too
long to notice. So a second thread, woken by the signal itself, has the last word.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from trimtab.errors import Preempted

SAVE_SECONDS = 12.0
"""From the signal to the last word, for which `LAST_WORD_SECONDS` are left: 15 seconds in all."""

LAST_WORD_SECONDS = 3.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _State:
    """Of this process; signals have no other."""

    due: float | None = None
    raised = False
    deferrals = 0


def requested() -> bool:
    """Returns whether this process was told to stop."""
    return _State.due is not None


def check() -> None:
    """Raises Preempted if this process was told to stop."""
    if requested():
        raise Preempted


def seconds_left() -> float | None:
    """Returns how long whatever is left to do may take; None: as long as it wants to."""
    return None if _State.due is None else max(_State.due - time.monotonic(), LAST_WORD_SECONDS)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Leaves it to the block to look at ``requested``; nothing is raised in the middle of its work."""
    _State.deferrals += 1
    try:
        yield
    finally:
        _State.deferrals -= 1


@contextlib.contextmanager
def watched(give_up: Callable[[], None]) -> Iterator[None]:
    """Takes SIGTERM and SIGINT for the time of the block.

    Args:
        give_up: Ends the process; called in a thread if the block has not ended in time.

    Raises:
        Preempted: When a signal arrives, unless it is deferred.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals
        return
    over = threading.Event()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    thread = threading.Thread(target=_watch, args=(reader, over, give_up), name="preemption", daemon=True)
    thread.start()
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, _stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        over.set()
        os.close(writer)
        thread.join()
        os.close(reader)
        _State.due, _State.raised = None, False


def forget() -> None:
    """Takes back, in a process that was just forked, what its parent set up: it has no such thread."""
    signal.set_wakeup_fd(-1)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    _State.due, _State.raised, _State.deferrals = None, False, 0


def _request() -> None:
    if _State.due is None:
        _State.due = time.monotonic() + SAVE_SECONDS


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal module's signature
    _request()
    if not _State.deferrals and not _State.raised:
        _State.raised = True
        raise Preempted


def _watch(reader: int, over: threading.Event, give_up: Callable[[], None]) -> None:
    """Waits for a signal, whose number the interpreter writes at once, whatever the main thread does."""
    while number := os.read(reader, 1):
        if number[0] in _SIGNALS:
            _request()
            if not over.wait(SAVE_SECONDS):
                give_up()
            return
