"""What a task leaves in ``stages/`` of its run's directory, for the report and for a run that goes on."""

from __future__ import annotations

import math
import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from trimtab.errors import ArtifactError
from trimtab.storage.sealed import Sealed
from trimtab.storage.store import open_store

RECORDS = "stages/"

Summary = TypeVar("Summary", bound=BaseModel)
_OF_A_FOLD = re.compile(r"(.*\.)?fold-\d+")


def of_fold(name: str, fold: int) -> str:
    """Returns the name of what a fold made, such as ``channels-0.5.fold-2``.

    Args:
        name: The branch or the candidate; empty where the task is about one entry.
        fold: From 0.
    """
    return f"{name}.fold-{fold + 1}".removeprefix(".")


class EntryRecord(BaseModel):
    """What a task has to say of one entry of the content store.

    Attributes:
        name: The branch or the candidate that the entry is of; empty where the task is about one entry.
        reused: Whether it was there.
        summary: What was found when it was made, as its kind's summary class has it.
        reason: Why it could not be made.
        by_chance: Whether it may be made when it is tried again: memory ran out, a process was killed.
        traceback: Where it went wrong, when that is a defect of trimtab.
    """

    name: str = ""
    ok: bool = True
    reused: bool = False
    seconds: float = 0.0
    summary: dict[str, Any] = {}
    reason: str = ""
    by_chance: bool = False
    traceback: str = ""

    @property
    def is_of_a_fold(self) -> bool:
        """Returns whether it is what one fold made beside the others."""
        return _OF_A_FOLD.fullmatch(self.name) is not None

    def read(self, kind: type[Summary]) -> Summary | None:
        """Returns the summary, or None where there is none that can be read."""
        return _read(self.summary, kind) if self.ok else None


class StageRecord(Sealed):
    """How a task went on, and how it ended.

    Attributes:
        shard: The shard that it worked on, such as ``1/2``, or an empty string.
        ok: Whether it ended well.
        ended: Whether it ended at all: a record is written after every entry, too.
        reused: Whether all that it was to make was there.
        entries: What it made or found, in order.
        summary: What the stage found, as the stage's summary class has it.
        warnings: What a person should look at, each once.
        error: What is wrong and what to do, for people.
        traceback: Where it went wrong, when the error is a defect of trimtab.
    """

    stage: str
    shard: str = ""
    ok: bool = False
    ended: bool = True
    reused: bool = False
    seconds: float = 0.0
    entries: list[EntryRecord] = []
    summary: dict[str, Any] = {}
    error_type: str = ""
    warnings: list[str] = []
    error: str = ""
    traceback: str = ""
    exit_code: int = 0

    @property
    def name(self) -> str:
        """Returns the name of the record's object in the run's directory."""
        return f"{RECORDS}{self.stage}{'.' if self.shard else ''}{self.shard.replace('/', '-')}.json"

    @property
    def label(self) -> str:
        """Returns the task's name for people, such as ``prune 1/2``."""
        return f"{self.stage} {self.shard}".strip()

    def read(self, kind: type[Summary]) -> Summary | None:
        """Returns the summary of a stage that ended well, or None where there is none that can be read."""
        return _read(self.summary, kind) if self.ok else None


def _read(summary: dict[str, Any], kind: type[Summary]) -> Summary | None:
    try:
        return kind.model_validate(_finite(summary)) if summary else None
    except ValidationError:
        return None


def _finite(value: Any) -> Any:
    """Returns a copy without numbers that are not finite, for which JSON has null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items() if not _is_no_number(item)}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def _is_no_number(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def read_records(run_uri: str) -> list[StageRecord]:
    """Returns the records of all tasks of a run so far.

    Args:
        run_uri: The URI of the run's directory.
    """
    store = open_store(run_uri)
    contents = ((name, store.read(name)) for name in store.names(RECORDS))
    return [_parsed(content, f"{run_uri}/{name}") for name, content in contents if content]


def read_record(run_uri: str, stage: str) -> StageRecord | None:
    """Returns the record of a stage that has no shards, or None where it has left none.

    Args:
        run_uri: The URI of the run's directory.
        stage: The stage's name.
    """
    name = StageRecord(stage=stage).name
    content = open_store(run_uri).read(name)
    return _parsed(content, f"{run_uri}/{name}") if content else None


def _parsed(content: bytes, where: str) -> StageRecord:
    try:
        return StageRecord.model_validate_json(content)
    except ValidationError as error:
        message = f"the record is damaged: {error.errors()[0]['msg']}"
        raise ArtifactError(message, path=where, hint="Remove it: its stage writes another one.") from error
