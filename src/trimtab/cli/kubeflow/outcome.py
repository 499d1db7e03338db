"""What came of a run: its result where its directory can be read from here, else whether `deploy` ran."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trimtab.artifacts.record import StageRecord
from trimtab.cli import exit_codes
from trimtab.cli.kubeflow import runs
from trimtab.cli.kubeflow.reading import Reading
from trimtab.errors import TrimtabError
from trimtab.report.result import Result
from trimtab.storage.store import Store, open_store

UNKNOWN = 69
"""The exit code where a run succeeded, and nothing says what came of it: `EX_UNAVAILABLE` in `sysexits.h`."""


def directory(run: Any) -> str | None:
    """Returns the URI of a run's directory."""
    output = runs.parameter(run, "output")
    return posixpath.join(output, run.run_id) if output else None


def result(run: Any) -> Result | None:
    """Returns a run's `result.json`, or None where it is not there or cannot be read from here."""
    try:
        store = _store(run)
        content = store.read("result.json") if store else None
        return Result.model_validate_json(content) if content else None
    except (TrimtabError, ValidationError, OSError):
        return None


def records(run: Any) -> list[StageRecord]:
    """Returns what a run's stages recorded; nothing where that cannot be read."""
    try:
        store = _store(run)
        contents = [store.read(name) for name in store.names("stages/")] if store else []
        return [StageRecord.model_validate_json(content) for content in contents if content]
    except (TrimtabError, ValidationError, OSError):
        return []


def reasons(run: Any) -> dict[str, str]:
    """Returns why stages failed, by stage, as they recorded it; nothing where that cannot be read."""
    return {record.stage: record.error for record in records(run) if record.error}


def exit_code(reading: Reading, result: Result | None) -> int:
    """Returns the exit code of a run that has ended, as of a local one.

    Without its result, a run that succeeded is judged by its tasks: `deploy` only runs for a model that is
    promoted, and of a retraining without anything new there is `check_data` and no `plan`. That a task did
    not run is known only where all tasks are.
    """
    if result is not None:
        return exit_codes.exit_code(result)
    if reading.state != "SUCCEEDED":
        return 1
    ended = {task.stage for task in reading.tasks if task.state == "SUCCEEDED"}
    if "deploy" in ended:
        return 0
    if not reading.is_whole or not ended:
        return UNKNOWN
    is_up_to_date = "check_data" in ended and "plan" not in ended
    return 0 if is_up_to_date else 3


def _store(run: Any) -> Store | None:
    uri = directory(run)
    if uri is None or ("://" not in uri and not Path(uri).is_dir()):
        return None
    return open_store(uri)
