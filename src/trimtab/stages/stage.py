"""What every stage has in common: a record in the run's directory, and typed errors as exit codes."""

from __future__ import annotations

import contextlib
import json
import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from trimtab import progress
from trimtab.errors import TrimtabError
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
def recorded(stage: str, run: str, item: str = "") -> Iterator[StageRecord]:
    """Runs a stage's work, and records how it ended.

    A typed error becomes one message and the process exit code of its class; any other exception is a defect
    of trimtab: its traceback goes to the record, one line to the user.

    Args:
        stage: The stage's name.
        run: The URI of the run's directory.
        item: The recipe or candidate that the stage works on.

    Yields:
        The record, to put a summary in.

    Raises:
        SystemExit: If the stage fails.
    """
    record, start = StageRecord(stage=stage, item=item), time.monotonic()
    label = f"{stage} {item}".strip()
    progress.say(label, "started")
    try:
        yield record
        record.ok = True
    except TrimtabError as error:
        record.error_type, record.error, record.exit_code = (
            type(error).__name__,
            error.describe(),
            error.exit_code,
        )
    except Exception as error:
        record.error_type, record.exit_code = type(error).__name__, 1
        record.error = f"unexpected {type(error).__name__}: {error}\n  A defect of trimtab: see {record.name}"
        record.traceback = traceback.format_exc()
    record.seconds = round(time.monotonic() - start, 3)
    open_store(run).write(record.name, record.model_dump_json(indent=2).encode())
    if record.ok:
        progress.say(label, f"finished in {record.seconds:.1f} s")
        return
    progress.say(label, f"failed: {record.error.splitlines()[0]}")
    sys.exit(record.exit_code)


def records(run: str) -> list[StageRecord]:
    """Returns the records of all stages that have ended so far."""
    store = open_store(run)
    contents = (store.read(name) for name in store.names("stages/"))
    return [StageRecord.model_validate(json.loads(content)) for content in contents if content]
