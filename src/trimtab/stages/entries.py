"""Entries of the content store, as stages obtain them: found, or made in a process of their own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from trimtab import progress
from trimtab.artifacts import failure
from trimtab.artifacts.record import EntryRecord
from trimtab.config.resources import DAY_S, StageResources
from trimtab.config.stages import STAGES
from trimtab.errors import ArtifactError, CompressionError, ModelError, StorageError, TrimtabError
from trimtab.os_errors import is_refusal
from trimtab.stages import children, settings
from trimtab.stages.children import Ended, TimeLimit
from trimtab.stages.imports import light_imports
from trimtab.stages.stage import DefectError, Task

NO_FAULT = (StorageError, ArtifactError)
"""Errors that say nothing of what is to be made: run again, it may be the best."""

_ABORTED = "SIGABRT"
_WITHOUT_ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "0"}
"""Kernels of oneDNN in TensorFlow write past their memory where layers have some shapes, and the C library
ends the process; TensorFlow's own do not. Seen with a residual network whose channels had been cut."""

RETRIES = "TRIMTAB_RETRIES"
"""The environment variable by which a pod knows its stage's `retries`."""

_FOR_GOOD = (CompressionError, ModelError)
"""Errors that come again however often the same is tried, unless they quote the operating system."""


@dataclass(frozen=True)
class Work:
    """What makes an entry.

    Attributes:
        ref: The entry's reference.
        label: What it is called in messages, such as ``prune channels-0.5``.
        module: A module below ``trimtab.stages.making``, whose function ``make(run, ref, label, *arguments)``
            makes the entry. It is imported before the process is forked, and may import TensorFlow.
        arguments: What else the function takes.
        scikit_learn: Whether it needs scikit-learn, which is left out of the imports otherwise.
    """

    ref: str
    label: str
    module: str
    arguments: tuple[Any, ...] = ()
    scikit_learn: bool = False


def obtain(task: Task, work: Work, name: str = "") -> EntryRecord:
    """Returns what is known of an entry, which is made unless it is there.

    An entry that cannot be made is told with its reason.

    Args:
        task: The task, whose record gets the entry.
        work: What makes it.
        name: The branch or the candidate that it is of.

    Raises:
        StorageError: If storage refuses: that is no fault of the entry's.
        ArtifactError: If what it is made from is damaged.
        Preempted: If the process is told to stop.
    """
    record = None if work.ref in task.ahead else _outcome_before(task, work, name)
    if record is None:
        ended = _made(task, work)
        if ended.crash is not None and isinstance(ended.crash.error, NO_FAULT):
            raise ended.crash.error
        record = _record(task, work, name, ended)
    task.add(record)
    return record


def require(task: Task, work: Work, name: str = "") -> EntryRecord:
    """Returns what is known of an entry without which there is no run: if it cannot be made, the stage fails.

    Raises:
        TrimtabError: Why it cannot be made.
        Preempted: If the process is told to stop.
    """
    entry = None if work.ref in task.ahead else task.store.find(work.ref)
    if entry is not None:
        progress.say(work.label, "is there already")
        record = EntryRecord(name=name, reused=True, summary=entry.summary)
    elif (crash := (ended := _made(task, work)).crash) is not None:
        raise crash.error or DefectError(crash.reason, crash.traceback)
    else:
        record = _record(task, work, name, ended)
    task.add(record)
    return record


def is_decided(task: Task, work: Work) -> bool:
    """Returns whether an entry is there, or cannot be made."""
    return task.store.find(work.ref) is not None or failure.read(task.store, work.ref) is not None


def maker(work: Work) -> Callable[..., None]:
    """Returns the function that makes an entry, whose module is imported now."""
    with light_imports(scikit_learn=work.scikit_learn):
        make: Callable[..., None] = import_module(f"trimtab.stages.making.{work.module}").make
    return make


def limit(task: Task) -> TimeLimit | None:
    """Returns how long an entry of the task's stage may take; the whole task's time is no less."""
    about = STAGES[task.record.stage]
    stage = about.within or about.name
    given = settings.of(task.run_uri).resources.stages.get(stage, StageResources())
    usual = DAY_S if about.is_sharded or about.within else None
    times = {"entry_timeout_s": given.entry_timeout_s or usual, "timeout_s": given.timeout_s}
    limits = [
        TimeLimit(seconds, f"resources.stages.{stage}.{field}") for field, seconds in times.items() if seconds
    ]
    return min(limits, key=lambda limit: limit.seconds, default=None)


def _outcome_before(task: Task, work: Work, name: str) -> EntryRecord | None:
    if (entry := task.store.find(work.ref)) is not None:
        progress.say(work.label, "is there already")
        return EntryRecord(name=name, reused=True, summary=entry.summary)
    if (failed := failure.read(task.store, work.ref)) is not None:
        progress.say(work.label, f"cannot be made: {failed.reason.splitlines()[0]}")
        return EntryRecord(name=name, ok=False, reused=True, reason=failed.reason)
    return None


def _made(task: Task, work: Work) -> Ended:
    """Returns how an entry's making ended: before, with others in one process, or now, in its own."""
    if (before := task.ahead.pop(work.ref, None)) is not None:
        return before
    start, crash = time.monotonic(), _attempt(task, work)
    return Ended(crash, round(time.monotonic() - start, 3))


def _attempt(task: Task, work: Work) -> children.Crash | None:
    make, left, plain = maker(work), _retries(), dict[str, str]()
    while True:
        crash = children.run(
            work.label,
            make,
            task.run_uri,
            work.ref,
            work.label,
            *work.arguments,
            afresh=bool(plain),
            environment=plain,
            limit=limit(task),
        )
        if crash is None or not crash.signal:
            return crash
        if crash.signal == _ABORTED and not plain:
            plain = _WITHOUT_ONEDNN
            progress.say(work.label, f"{crash.reason}; it is tried again without oneDNN")
        elif left:
            left -= 1
            progress.say(work.label, f"{crash.reason}; it is tried again, and goes on where it was")
        else:
            return crash


def _retries() -> int:
    """Returns how often work is tried again in this pod, whose process a signal ended.

    Argo may count that as a failure, and try only what it calls errors again: Kubeflow Pipelines 2.17.0.
    """
    text = os.environ.get(RETRIES, "")
    return int(text) if text.isdecimal() else 0


def _record(task: Task, work: Work, name: str, ended: Ended) -> EntryRecord:
    if (crash := ended.crash) is None:
        entry = task.store.find(work.ref)
        if entry is None:
            raise ArtifactError("it was made, and is gone", path=work.ref, hint="Run this again.")
        return EntryRecord(name=name, summary=entry.summary, seconds=ended.seconds)
    reason = _reason(crash)
    is_for_good = isinstance(crash.error, _FOR_GOOD) and not is_refusal(crash.error)
    if is_for_good:
        failure.write(task.store, work.ref, reason)
    progress.say(work.label, f"cannot be made: {reason.splitlines()[0]}")
    return EntryRecord(
        name=name,
        ok=False,
        reason=reason,
        by_chance=not is_for_good,
        traceback=crash.traceback,
        seconds=ended.seconds,
    )


def _reason(crash: children.Crash) -> str:
    """Returns why, for people; the paths in the store would tell them nothing."""
    if crash.error is None:
        return crash.reason
    return TrimtabError(crash.error.message, field=crash.error.field, hint=crash.error.hint).describe()
