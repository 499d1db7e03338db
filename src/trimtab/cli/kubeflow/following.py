"""Follows a run on the server: one line whenever a task's state changes, and at the end why it failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from trimtab import progress
from trimtab.cli.kubeflow import logs, outcome, reading, runs
from trimtab.cli.kubeflow.connection import Connection
from trimtab.cli.kubeflow.reading import Reading
from trimtab.cli.kubeflow.runs import Task
from trimtab.errors import ConfigError, LoginError

TAIL = 20
Answer = TypeVar("Answer")


def follow(connection: Connection, run_id: str) -> Reading:
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
    looked = -connection.patience.look
    while True:
        run: Any = _patiently(connection, lambda: connection.client.get_run(run_id))
        if run.state in runs.ENDED or time.monotonic() - looked >= connection.patience.look:
            snapshot = _patiently(connection, partial(reading.read, connection, run))
            looked = time.monotonic()
            start = run.created_at or datetime.now(UTC)
            for task in snapshot.tasks:
                words = describe(task)
                if seen.get(task.label) != words:
                    seen[task.label] = words
                    progress.show(_elapsed(start, run), task.label, words)
            if snapshot.has_ended:
                progress.show(_elapsed(start, run), "run", snapshot.word)
                return snapshot
        time.sleep(connection.patience.poll)


def describe(task: Task) -> str:
    """Returns a task's state in words."""
    word = runs.STATES.get(task.state, task.state.lower())
    if task.state in ("SUCCEEDED", "FAILED", "CANCELED") and task.seconds is not None:
        word += f" in {task.seconds:.0f} s" if task.state == "SUCCEEDED" else f" after {task.seconds:.0f} s"
    if task.earlier and task.state in ("PENDING", "RUNNING", "UNKNOWN"):
        count = len(task.earlier)
        word += f" after {count} failed attempt{'s' if count > 1 else ''} ({task.earlier[0]})"
    said = task.waits or task.error
    return f"{word}: {said.splitlines()[0]}" if said else word


def explain(connection: Connection, snapshot: Reading) -> list[str]:
    """Says why a run that has ended did not succeed: each failed task's reason, and the end of its log.

    Args:
        connection: The server.
        snapshot: The run. A server may show it to those who may not read its logs.

    Returns:
        The lines, of which a stage's own come before KFP's.
    """
    run = snapshot.run
    if snapshot.gone:
        return [f"the run will not end: {snapshot.gone}.", _forget(run.run_id)]
    lines = [f"the run failed: {run.error.message}"] if run.error and run.error.message else []
    if snapshot.state == "CANCELED" and snapshot.stopped:
        lines.append(f"the run was stopped at {snapshot.stopped:%Y-%m-%d %H:%M:%S} UTC, by the API or its UI")
    recorded = outcome.reasons(run)
    for task in snapshot.tasks:
        if task.state == "FAILED":
            lines += _why(connection, snapshot, task, recorded.get(task.stage))
    return lines


def waits(snapshot: Reading) -> list[str]:
    """Returns a line for each task whose pod cannot start."""
    return [f"{task.label}: {task.waits}" for task in snapshot.tasks if task.waits]


def _forget(run_id: str) -> str:
    return f"Take it off the server's list: trimtab stop {run_id} --force"


def _why(connection: Connection, snapshot: Reading, task: Task, recorded: str | None) -> list[str]:
    lines = [f"{task.label}: {recorded or task.error or 'the server does not say why'}"]
    try:
        log = logs.read(connection, snapshot.run.run_id, task)
    except (LoginError, ConfigError):
        log = None
    if log is None:
        return [*lines, "The server has no log of it.", *logs.elsewhere(connection, snapshot, task)]
    return lines + [f"  | {line}" for line in logs.own_lines(log)[-TAIL:]]


def _patiently(connection: Connection, ask: Callable[[], Answer]) -> Answer:
    """Returns an answer of the server; a token file that is about to be rotated is given time."""
    end = time.monotonic() + (connection.patience.login if connection.token.file else 0.0)
    while True:
        try:
            return ask()
        except (LoginError, ConfigError):  # a file that is being replaced may be away, or half-written
            if time.monotonic() > end:
                raise
            time.sleep(connection.patience.poll)


def _elapsed(start: datetime, run: Any) -> float:
    """Returns how long a run has gone on, in seconds; of one that has ended, how long it took."""
    ended = run.finished_at if run.state in runs.ENDED else None
    begin, end = (
        moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        for moment in (start, ended or datetime.now(UTC))
    )
    return max(0.0, (end - begin).total_seconds())
