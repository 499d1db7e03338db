"""Entries that are made several in one process, before they are asked for one by one.

A process for each is what a crash may cost. Where making one takes less than to start what it needs
(TensorFlow's devices, a model's first answer), the others share that. What a crash left unmade, is made by
``entries.obtain`` in processes of their own, of which one crashes again: it is to blame, and costs itself
alone.
"""

from __future__ import annotations

import pickle
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from trimtab import preemption, progress
from trimtab.stages import children, entries, tensorflow_state
from trimtab.stages.children import Crash, Ended
from trimtab.stages.entries import Work
from trimtab.stages.stage import Task
from trimtab.storage import atomic

_Job = tuple[Callable[..., None], tuple[Any, ...]]


def make(task: Task, label: str, works: Sequence[Work]) -> None:
    """Makes those entries that nobody has tried to make, and keeps with the task how each ended.

    Args:
        task: The task.
        label: What they are of, for messages.
        works: What makes them; none takes long, nor goes on where another attempt was.

    Raises:
        Preempted: If this process is told to stop.
    """
    missing = [work for work in works if not entries.is_decided(task, work)]
    if len(missing) < 2:
        return  # as in a process of its own
    jobs = [(entries.maker(work), (task.run_uri, work.ref, work.label, *work.arguments)) for work in missing]
    with tempfile.TemporaryDirectory(prefix="trimtab-") as directory:
        crash = children.run(label, _all, jobs, Path(directory), limit=entries.limit(task))
        for place, work in enumerate(missing):
            if (file := _file(Path(directory), place)).is_file():
                task.ahead[work.ref] = pickle.loads(file.read_bytes())
    if crash is not None:
        progress.say(label, f"{crash.reason.splitlines()[0]}; what is missing is made one by one")


def _all(jobs: Sequence[_Job], directory: Path) -> None:
    """Makes entries, and writes down after each how it ended."""
    for place, job in enumerate(jobs):
        start = time.monotonic()
        crash = _attempt(*job)
        ended = Ended(crash, round(time.monotonic() - start, 3))
        atomic.write_bytes(_file(directory, place), pickle.dumps(ended))
        if crash is not None and isinstance(crash.error, entries.NO_FAULT):
            return  # the stage ends there


def _attempt(make_one: Callable[..., None], arguments: tuple[Any, ...]) -> Crash | None:
    if tensorflow_state.has_begun():
        import keras

        keras.backend.clear_session()  # names begin anew, as in a process of its own
    try:
        make_one(*arguments)
    except (Exception, SystemExit) as error:
        preemption.check()  # what goes wrong after the signal, goes wrong because of it
        return children.crash_of(error)
    return None


def _file(directory: Path, place: int) -> Path:
    return directory / str(place)
