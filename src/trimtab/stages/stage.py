"""What every stage has in common: a record in the run's directory, and typed errors as exit codes."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import BaseModel

from trimtab import os_errors, preemption, progress
from trimtab.artifacts import answered
from trimtab.artifacts.record import EntryRecord, StageRecord
from trimtab.artifacts.store import ContentStore
from trimtab.config.stages import STAGES
from trimtab.errors import Preempted, TrimtabError
from trimtab.stages.children import Ended
from trimtab.stages.parent_death import end_with_runner
from trimtab.storage.objects.limits import DEFAULT
from trimtab.storage.store import open_store


class DefectError(Exception):
    """What went wrong in a child process, and is a defect of trimtab.

    Args:
        reason: In words.
        where: The child's traceback.
    """

    def __init__(self, reason: str, where: str) -> None:
        super().__init__(reason)
        self.where = where


@dataclass
class Task:
    """One task: a stage at work, on one shard if it is told which.

    Attributes:
        run_uri: The URI of the run's directory.
        record: What it leaves there.
        ahead: How entries ended that were made before they were asked for, by reference.
    """

    run_uri: str
    record: StageRecord
    ahead: dict[str, Ended] = field(default_factory=dict)
    _start: float = field(default_factory=time.monotonic)

    @functools.cached_property
    def store(self) -> ContentStore:
        """Returns the content store beside the run's directory."""
        return ContentStore(self.run_uri)

    @property
    def label(self) -> str:
        """Returns the task's name for people, such as ``prune 1/2``."""
        return self.record.label

    def add(self, entry: EntryRecord) -> None:
        """Adds what is known of an entry; the record is there even if the task is killed later.

        What is known of an entry without a name, which the whole task is about, is the stage's summary.
        """
        if not entry.name:
            self.record.summary, entry = entry.summary, entry.model_copy(update={"summary": {}})
        self.record.entries.append(entry)
        self.write()

    def warn(self, text: str) -> None:
        """Says what a person should look at, and keeps it for the report, whatever becomes of the task."""
        if text not in self.record.warnings:
            self.record.warnings.append(text)
            progress.say(self.label, f"warning: {text}")

    def summarize(self, summary: BaseModel) -> None:
        """Takes what the stage found into the record."""
        self.record.summary = summary.model_dump(mode="json")

    def write(self) -> None:
        """Writes the record as it is."""
        record = self.record
        record.seconds = round(time.monotonic() - self._start, 3)
        record.reused = bool(record.entries) and all(entry.reused for entry in record.entries)
        limits = DEFAULT if (left := preemption.seconds_left()) is None else DEFAULT.within(left)
        open_store(self.run_uri, limits).write(record.name, record.model_dump_json(indent=2).encode())


@contextlib.contextmanager
def recorded(stage: str, run_uri: str, shard: str = "") -> Iterator[Task]:
    """Runs a stage's work, and records how it ended.

    A typed error becomes one message and the process exit code of its class, and so does what the operating
    system refuses, such as space on a full disk. Any other exception is a defect of trimtab: its traceback
    goes to the record, one line to the user. A stage that saves its work and is told to stop has
    ``preemption.SAVE_SECONDS`` to do it, and ends with the exit code of ``Preempted``.

    Args:
        stage: The stage's name.
        run_uri: The URI of the run's directory.
        shard: The shard that the stage works on.

    Yields:
        The task, to put what was found into its record.

    Raises:
        SystemExit: If the stage fails.
    """
    end_with_runner()
    task = Task(run_uri, StageRecord(stage=stage, shard=shard, ended=False))
    record, label = task.record, task.label

    def give_up() -> None:
        _fill_in(record, Preempted())
        with contextlib.suppress(TrimtabError, OSError):
            task.write()
        progress.say(label, "stopped in the middle of a step; what was saved before stands")
        os._exit(Preempted.exit_code)

    with preemption.watched(give_up) if STAGES[stage].saves else contextlib.nullcontext():
        try:
            progress.say(label, "started")
            yield task
            preemption.check()
            record.ok = True
        except (Exception, Preempted) as error:
            # What goes wrong after the signal, goes wrong because of it.
            _fill_in(record, Preempted() if preemption.requested() else error)
        with preemption.deferred():
            _end(task)
    if record.ok:
        reused = ", nothing was to be done" if record.reused else ""
        progress.say(label, f"finished in {record.seconds:.1f} s{reused}")
        return
    ended = "stopped" if record.exit_code == Preempted.exit_code else "failed"
    first, *others = record.error.splitlines()
    progress.say(label, f"{ended}: {first}")
    # What to do: on a cluster, the log may be all there is.
    sys.stderr.writelines(f"{line}\n" for line in others)
    sys.exit(record.exit_code)


def _end(task: Task) -> None:
    """Writes the last record; that it cannot be written is a failure: nobody else would know of the task."""
    record = task.record
    record.ended = True
    try:
        task.write()
        if record.ok and STAGES[record.stage].is_cached:
            answered.keep(task.store, task.run_uri, record)
    except TrimtabError as error:
        if record.ok:
            record.ok = False
            _fill_in(record, error)
            with contextlib.suppress(TrimtabError):
                task.write()
        else:
            progress.say(task.label, f"this cannot be recorded: {error.describe().splitlines()[0]}")


def _fill_in(record: StageRecord, error: Exception | Preempted) -> None:
    """Puts what went wrong into a record."""
    record.ended = True
    if not isinstance(error, TrimtabError | Preempted) and os_errors.is_refusal(error):
        # A typed error names the file, though the system's words may be in it.
        error = os_errors.typed(error)
    record.error_type = type(error).__name__
    if isinstance(error, TrimtabError):
        record.error, record.exit_code = error.describe(), error.exit_code
    elif isinstance(error, Preempted):
        record.error, record.exit_code = str(error), error.exit_code
    else:
        record.error = f"{_unexpected(error)}\n  A defect of trimtab: see {record.name}"
        record.exit_code = 1
        record.traceback = (
            error.where if isinstance(error, DefectError) else "".join(traceback.format_exception(error))
        )


def _unexpected(error: Exception) -> str:
    return str(error) if isinstance(error, DefectError) else f"unexpected {type(error).__name__}: {error}"
