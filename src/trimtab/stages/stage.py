"""What every stage has in common: a record in the run's directory, and typed errors as exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from trimtab import os_errors, preemption, progress
from trimtab.errors import Preempted, TrimtabError
from trimtab.storage.gcs.limits import DEFAULT
from trimtab.storage.store import open_store


class StageRecord(BaseModel):
    """What a stage leaves in ``stages/`` of the run's directory for the report.

    Attributes:
        item: The recipe or candidate that the stage worked on, or an empty string.
        summary: What the stage found, for the report and for people.
        error: What is wrong and what to do, for people.
        traceback: Where it went wrong, when the error is a defect of trimtab.
    """

    stage: str
    item: str = ""
    ok: bool = False
    seconds: float = 0.0
    summary: dict[str, Any] = {}
    error_type: str = ""
    error: str = ""
    traceback: str = ""
    exit_code: int = 0

    @property
    def name(self) -> str:
        """Returns the name of the record's object in the run's directory."""
        return f"stages/{self.stage}{'.' if self.item else ''}{self.item}.json"


@contextlib.contextmanager
def recorded(stage: str, run: str, item: str = "", *, saves: bool = False) -> Iterator[StageRecord]:
    """Runs a stage's work, and records how it ended.

    A typed error becomes one message and the process exit code of its class, and so does what the operating
    system refuses, such as space on a full disk. Any other exception is a defect of trimtab: its traceback
    goes to the record, one line to the user. A stage that saves its work and is told to stop has
    ``preemption.SAVE_SECONDS`` to do it, and ends with the exit code of ``Preempted``.

    Args:
        stage: The stage's name.
        run: The URI of the run's directory.
        item: The recipe or candidate that the stage works on.
        saves: Whether the stage goes on where it was when it is run again.

    Yields:
        The record, to put a summary in.

    Raises:
        SystemExit: If the stage fails.
    """
    record, start = StageRecord(stage=stage, item=item), time.monotonic()
    label = f"{stage} {item}".strip()

    def write() -> None:
        record.seconds = round(time.monotonic() - start, 3)
        limits = DEFAULT if (left := preemption.seconds_left()) is None else DEFAULT.within(left)
        open_store(run, limits).write(record.name, record.model_dump_json(indent=2).encode())

    def give_up() -> None:
        _fill_in(record, Preempted())
        with contextlib.suppress(TrimtabError, OSError):
            write()
        progress.say(label, "stopped in the middle of a step; what was saved before stands")
        os._exit(Preempted.exit_code)

    with preemption.watched(give_up) if saves else contextlib.nullcontext():
        try:
            progress.say(label, "started")
            yield record
            preemption.check()
            record.ok = True
        except (Exception, Preempted) as error:
            # What goes wrong after the signal, goes wrong because of it.
            _fill_in(record, Preempted() if preemption.requested() else error)
        with preemption.deferred():
            try:
                write()
            except TrimtabError as error:
                _lost(record, error, label)
    if record.ok:
        progress.say(label, f"finished in {record.seconds:.1f} s")
        return
    ended = "stopped" if record.exit_code == Preempted.exit_code else "failed"
    first, *others = record.error.splitlines()
    progress.say(label, f"{ended}: {first}")
    # What to do: on a cluster, the log may be all there is.
    sys.stderr.writelines(f"{line}\n" for line in others)
    sys.exit(record.exit_code)


def _lost(record: StageRecord, error: TrimtabError, label: str) -> None:
    """Makes a failure of a record that cannot be written: nobody else would know of the stage."""
    if record.ok:
        record.ok = False
        _fill_in(record, error)
    else:
        progress.say(label, f"this cannot be recorded: {error.describe().splitlines()[0]}")


def _fill_in(record: StageRecord, error: Exception | Preempted) -> None:
    """Puts what went wrong into a record."""
    if not isinstance(error, TrimtabError) and os_errors.is_refusal(error):  # a typed one names the file
        error = os_errors.typed(error)
    record.error_type = type(error).__name__
    if isinstance(error, TrimtabError):
        record.error, record.exit_code = error.describe(), error.exit_code
    elif isinstance(error, Preempted):
        record.error, record.exit_code = str(error), error.exit_code
    else:
        record.error = f"unexpected {record.error_type}: {error}\n  A defect of trimtab: see {record.name}"
        record.exit_code = 1
        record.traceback = "".join(traceback.format_exception(error))


def records(run: str) -> list[StageRecord]:
    """Returns the records of all stages that have ended so far."""
    store = open_store(run)
    contents = (store.read(name) for name in store.names("stages/"))
    return [StageRecord.model_validate(json.loads(content)) for content in contents if content]
