"""Work in a process of its own, so that a native crash or a lack of memory costs that work alone.

The child is forked: it has what its parent imported (TensorFlow takes seconds) and none of what that ran,
since the parent runs nothing itself. A parent in which TensorFlow has begun to run, as in a program that is
no task, could not be forked without a deadlock: there the child starts afresh.

What the child makes, it leaves in the content store; only errors come back. A signal to stop is passed on,
and the child saves its work as any stage does. Its temporary files are in a directory of its own that the
parent removes: a child that ends in the middle removes nothing, and TensorFlow writes a file for each
function that it traces.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from trimtab import preemption, progress
from trimtab.errors import Preempted, TrimtabError
from trimtab.os_errors import is_refusal, typed
from trimtab.stages import tensorflow_state
from trimtab.stages.parent_death import end_with

_MOST_BYTES = 60_000  # of a message: more would not fit into the pipe before somebody reads it
_RECORD_SECONDS = 1.0
_LOOK_SECONDS = 0.02
_SIGNALS = {signal.SIGTERM, signal.SIGINT}


@dataclass(frozen=True)
class Crash:
    """How a child ended that did not end well.

    Attributes:
        error: What it raised, if that is an error for users.
        reason: In words.
        traceback: Where, if it is a defect.
        was_killed: Whether a signal ended it, and it could say nothing.
        signal: The signal, such as ``SIGSEGV``; empty: there was none, or it was for its time limit.
    """

    error: TrimtabError | None
    reason: str
    traceback: str = ""
    was_killed: bool = False
    signal: str = ""


@dataclass(frozen=True)
class Ended:
    """How work in a child ended.

    Attributes:
        crash: How it failed; None: it did not.
        seconds: How long it took.
    """

    crash: Crash | None
    seconds: float


@dataclass(frozen=True)
class TimeLimit:
    """How long a child may take.

    Attributes:
        field: The field of the config that says so, for messages.
    """

    seconds: float
    field: str


@dataclass(frozen=True)
class MemoryLimit:
    """How much more memory than at its start a child may have.

    Attributes:
        field: The field of the config that it is about, for messages.
        hint: What to do.
    """

    most_bytes: int
    field: str
    hint: str


def run(
    label: str,
    work: Callable[..., None],
    *arguments: Any,
    afresh: bool = False,
    environment: Mapping[str, str] | None = None,
    limit: TimeLimit | None = None,
    memory: MemoryLimit | None = None,
) -> Crash | None:
    """Runs work in a child process to its end.

    Args:
        label: What it works on, for messages.
        work: A function of a module.
        arguments: Its arguments, which can be pickled.
        afresh: Whether the child must have no state of this process, in which a runtime has run its threads.
        environment: What else is in the environment of a child that starts afresh.
        limit: How long it may take; None: as long as it takes.
        memory: How much it may take, where the system tells; None: as much as there is.

    Returns:
        How it failed, or None.

    Raises:
        Preempted: If this process is told to stop; the child has saved its work then, or was killed.
    """
    message = b""
    context: Any = multiprocessing.get_context("fork" if _can_fork() and not afresh else "spawn")
    reader, writer = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="trimtab-", ignore_cleanup_errors=True) as scratch:
        child = context.Process(target=_child, args=(os.getpid(), scratch, label, work, arguments, writer))
        sys.stdout.flush()
        sys.stderr.flush()
        with _signals_held(), _in_environment(environment or {}):
            child.start()
        writer.close()
        try:
            too_large = _join(child, limit.seconds if limit else None, memory)
        except Preempted:
            _stop(child)
            raise
        if too_large is not None and memory is not None:
            _stop_for_good(child)
            return _too_much(label, memory, too_large)
        if limit is not None and child.is_alive():
            _stop_for_good(child)
            return _too_long(label, limit)
    with reader, contextlib.suppress(EOFError):
        message = reader.recv_bytes()
    preemption.check()
    return _ended(child.exitcode, message, label)


def _join(child: BaseProcess, seconds: float | None, memory: MemoryLimit | None) -> int | None:
    """Waits for a child to end, as long as it may take; returns its growth in bytes once that is too much."""
    if memory is None:
        child.join(seconds)
        return None
    end = None if seconds is None else time.monotonic() + seconds
    least = _resident_bytes(child.pid)
    while child.is_alive() and (end is None or time.monotonic() < end):
        child.join(_LOOK_SECONDS)
        size = _resident_bytes(child.pid)
        least = min(least, size) if size else least
        if size - least > memory.most_bytes:
            return size - least
    return None


def _resident_bytes(process: int | None) -> int:
    """Returns the memory of a process; 0 where the system does not tell, or the process has ended."""
    try:
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * resource.getpagesize()


def _too_much(label: str, memory: MemoryLimit, grown: int) -> Crash:
    error = TrimtabError(
        f"its process was ended when it had taken {grown >> 20:,} MB more than at its start, while it worked "
        f"on {label}; it may take {memory.most_bytes >> 20:,} MB",
        field=memory.field,
        hint=memory.hint,
    )
    return Crash(error, error.describe(), was_killed=True)


def _too_long(label: str, limit: TimeLimit) -> Crash:
    error = TrimtabError(
        f"its process was ended after {limit.seconds:,.0f} s, while it worked on {label}",
        field=limit.field,
        hint="Set it higher if this only needs longer.",
    )
    return Crash(error, error.describe(), was_killed=True)


def _stop_for_good(child: BaseProcess) -> None:
    """Ends a child that hangs, in native code perhaps, where no signal is handled."""
    child.kill()
    child.join()
    preemption.check()


def _ended(exit_code: int, message: bytes, label: str) -> Crash | None:
    if exit_code == 0:
        return None
    if exit_code == Preempted.exit_code:
        raise Preempted  # it was told to stop, and this process was not
    if message:
        crash: Crash = pickle.loads(message)
        return crash
    if exit_code > 0:
        return Crash(None, f"its process ended with exit code {exit_code}, and did not say why")
    name = signal.Signals(-exit_code).name
    hint = ", as when memory runs out" if name == "SIGKILL" else ""
    reason = f"its process was ended by {name}{hint}, while it worked on {label}"
    return Crash(None, reason, was_killed=True, signal=name)


def _stop(child: BaseProcess) -> None:
    """Tells a child to stop, and gives it the time to save its work; some is left for the task's record."""
    with preemption.deferred():
        child.terminate()
        child.join(max(0.0, (preemption.seconds_left() or 0.0) - _RECORD_SECONDS))
        if child.is_alive():
            child.kill()
            child.join()


def _child(
    parent: int,
    scratch: str,
    label: str,
    work: Callable[..., None],
    arguments: tuple[Any, ...],
    writer: Connection,
) -> None:
    end_with(parent)
    preemption.forget()
    tempfile.tempdir = os.environ["TMPDIR"] = scratch

    def give_up() -> None:
        progress.say(label, "stopped in the middle of a step; what was saved before stands")
        os._exit(Preempted.exit_code)

    with preemption.watched(give_up):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        try:
            work(*arguments)
            code = 0
        except Preempted as stopped:
            code = stopped.exit_code
        except (Exception, SystemExit) as error:  # of a user's code, too: to leave is to fail
            code = Preempted.exit_code if preemption.requested() else 1
            _tell(writer, error)
    sys.stdout.flush()
    sys.stderr.flush()
    # No exit handlers: those are the parent's.
    os._exit(code)


def crash_of(error: BaseException) -> Crash:
    """Returns what an error is told as to the parent of the process that it ended."""
    if not isinstance(error, TrimtabError) and is_refusal(error):
        error = typed(error)
    if isinstance(error, TrimtabError):
        return Crash(error, error.describe())
    where = "".join(traceback.format_exception(error))[-_MOST_BYTES // 2 :]
    return Crash(None, f"unexpected {type(error).__name__}: {error}"[: _MOST_BYTES // 4], where)


def _tell(writer: Connection, error: BaseException) -> None:
    with contextlib.suppress(OSError):
        writer.send_bytes(pickle.dumps(crash_of(error)))


@contextlib.contextmanager
def _signals_held() -> Any:
    """Holds signals back for the time of a fork: neither process loses one, and no handler runs twice."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _in_environment(changes: Mapping[str, str]) -> Any:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _can_fork() -> bool:
    """Returns whether TensorFlow has not begun to run in this process, whose threads no fork would have."""
    return not tensorflow_state.has_begun()
