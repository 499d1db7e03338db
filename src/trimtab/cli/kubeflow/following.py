"""Follows a run on the server: one line whenever a task's state changes, and at the end why it failed."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from trimtab import progress
from trimtab.cli.kubeflow import logs, outcome, runs
from trimtab.cli.kubeflow.connection import Connection
from trimtab.cli.kubeflow.runs import Task
from trimtab.errors import ConfigError, LoginError

TAIL = 20
_WORDS = {
    "RUNTIME_STATE_UNSPECIFIED": "not started",
    "PENDING": "waiting",
    "RUNNING": "started",
    "SUCCEEDED": "finished",
    "FAILED": "failed",
    "SKIPPED": "skipped",
    "CANCELING": "stopping",
    "CANCELED": "stopped",
    "PAUSED": "paused",
}


def follow(connection: Connection, run_id: str) -> Any:
    """Returns a run when it has ended; until then, prints what its tasks do to standard error.

    Args:
        connection: The server. A token that expires meanwhile is waited for when it comes from a file.
        run_id: The run's id.

    Raises:
        ClusterError: If the server fails for longer than the patience; the run goes on.
        LoginError: If the login expires and is not renewed; the run goes on.
        ConfigError: If the token's file is gone and does not come back; the run goes on.
    """
    seen: dict[str, str] = {}
    while True:
        run = _get(connection, run_id)
        start = run.created_at or datetime.now(UTC)
        for task in runs.tasks(run):
            if seen.get(task.key) != task.state:
                seen[task.key] = task.state
                progress.show(_elapsed(start), task.label, describe(task))
        if run.state in runs.ENDED:
            progress.show(_elapsed(start), "run", str(run.state).lower())
            return run
        time.sleep(connection.patience.poll)


def describe(task: Task) -> str:
    """Returns a task's state in words."""
    word = _WORDS.get(task.state, task.state.lower())
    if task.state in ("SUCCEEDED", "FAILED") and task.seconds is not None:
        word += f" in {task.seconds:.0f} s" if task.state == "SUCCEEDED" else f" after {task.seconds:.0f} s"
    return f"{word}: {task.error.splitlines()[0]}" if task.error else word


def explain(connection: Connection, run: Any) -> list[str]:
    """Says why a run failed: each failed task's reason, and the end of its log.

    Args:
        connection: The server.
        run: The run, as the server described it last.

    Returns:
        The lines. A server may show a run to those who may not read its logs.
    """
    lines = [f"the run failed: {run.error.message}"] if run.error and run.error.message else []
    recorded = outcome.reasons(run)
    missing = False
    for task in runs.tasks(run):
        if task.state != "FAILED":
            continue
        lines.append(
            f"{task.label}: {recorded.get(task.stage) or task.error or 'the server does not say why'}"
        )
        try:
            log = logs.read(connection, run.run_id, task)
        except (LoginError, ConfigError):
            log = None
        missing = missing or log is None
        lines += [f"  | {line}" for line in (log or "").splitlines()[-TAIL:]]
    if missing:
        lines.append(f"The server has no log of it; try: {logs.elsewhere(connection, run.run_id)}")
    return lines


def _get(connection: Connection, run_id: str) -> Any:
    """Returns the run; a token file that is about to be rotated is given time."""
    end = time.monotonic() + (connection.patience.login if connection.token.file else 0.0)
    while True:
        try:
            return connection.client.get_run(run_id)
        except (LoginError, ConfigError):  # a file that is being replaced may be away, or half-written
            if time.monotonic() > end:
                raise
            time.sleep(connection.patience.poll)


def _elapsed(start: datetime) -> float:
    aware = start if start.tzinfo else start.replace(tzinfo=UTC)
    return max(0.0, (datetime.now(UTC) - aware).total_seconds())
