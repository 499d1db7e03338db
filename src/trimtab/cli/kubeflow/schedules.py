"""Schedules: recurring runs of one config, one at a time, that never catch up on what they missed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from trimtab.cli.kubeflow import runs
from trimtab.cli.kubeflow.connection import Connection, named
from trimtab.cli.kubeflow.package import Version
from trimtab.cli.kubeflow.submission import ensure_experiment
from trimtab.config.notify import Notify
from trimtab.errors import ClusterError, ConfigError, TrimtabError
from trimtab.storage.store import read

# The server keeps no such number; the description is what it stores for us, and people read it there.
_LONGEST_NAME = 128
_LIMIT = re.compile(r"Pauses after (\d+) failures? in a row")


@dataclass(frozen=True)
class Schedule:
    """A schedule on the server.

    Attributes:
        created: When it was created, in ISO format; empty: not known.
        pause_after: Failures in a row after which `check` pauses it; None: never.
        config: The config of its runs as JSON, or the URI of a file with it.
    """

    id: str
    name: str
    experiment_id: str
    when: str
    created: str
    enabled: bool
    pause_after: int | None
    config: str = field(default="", repr=False)


def check_name(name: str) -> None:
    """Checks that a schedule can have a name.

    Raises:
        ConfigError: If no server would take it.
    """
    # The server names a Kubernetes object by these, which begins with a letter or a digit.
    object_name = re.sub("[^a-z0-9-]", "", name.lower())
    if not 0 < len(name) <= _LONGEST_NAME or name != name.strip() or object_name.startswith("-"):
        raise ConfigError(
            f"expected {_LONGEST_NAME} characters at most, without blanks around them or a leading dash",
            path="--name",
            field=name[:_LONGEST_NAME],
        )


def create(
    connection: Connection,
    version: Version,
    arguments: dict[str, Any],
    *,
    name: str,
    experiment: str,
    cron: str | None = None,
    interval_s: int | None = None,
    pause_after: int | None = None,
    service_account: str | None = None,
) -> Schedule:
    """Creates a schedule.

    Args:
        connection: The server.
        version: The pipeline version to run.
        arguments: What the pipeline is called with, as `Pipeline.arguments` returns it.
        name: The schedule's name.
        experiment: The experiment's name.
        cron: When: six fields, seconds first, in UTC.
        interval_s: Or how often.
        pause_after: Failures in a row after which `check` pauses it.
        service_account: The account of the pods; None: the server's default.

    Raises:
        ConfigError: If there is one of this name.
        ClusterError: If the server fails.
    """
    if _find(connection, name):
        raise ConfigError(
            f"there is a schedule {name} already",
            path=connection.host,
            hint="Give another --name, or delete it first: `trimtab schedule delete`.",
        )
    experiment_id = ensure_experiment(connection, experiment)
    note = f"Pauses after {pause_after} failures in a row." if pause_after else ""
    connection.create_once(
        f"the schedule {name}",
        lambda: connection.client.create_recurring_run(
            experiment_id,
            name,
            description=note,
            cron_expression=cron,
            interval_second=interval_s,
            max_concurrency=1,
            no_catchup=True,
            params=arguments,
            pipeline_id=version.pipeline_id,
            version_id=version.version_id,
            service_account=service_account,
        ),
        lambda: _find(connection, name),
        unique=False,
    )
    return get(connection, name)


def listed(connection: Connection) -> list[Schedule]:
    """Returns all schedules, by name."""
    recurring_runs = connection.pages(
        connection.client.list_recurring_runs, "recurring_runs", namespace=connection.namespace
    )
    return sorted((_schedule(recurring) for recurring in recurring_runs), key=lambda schedule: schedule.name)


def get(connection: Connection, name: str) -> Schedule:
    """Returns the schedule of a name or an id.

    Raises:
        ConfigError: If there is none, or if several have the name: the server does not keep them apart.
    """
    matches = list(_named(connection, name))
    if not matches and runs.ID.fullmatch(name):
        matches = _of_id(connection, name)
    if len(matches) == 1:
        return _schedule(matches[0])
    ids = ", ".join(sorted(match.recurring_run_id for match in matches))
    raise ConfigError(
        f"there are {len(matches)} schedules {name}" if matches else f"there is no schedule {name}",
        path=connection.host,
        hint=f"Name it by its id: {ids}." if matches else "See `trimtab schedule list`.",
    )


def pause(connection: Connection, schedule: Schedule) -> None:
    """Pauses a schedule; a run that goes on is not stopped."""
    connection.client.disable_recurring_run(schedule.id)


def resume(connection: Connection, schedule: Schedule) -> int:
    """Goes on with a schedule, and returns how many failed runs were archived.

    Its failures in a row are archived, because `check` counts what is not: it begins at none again.
    """
    failed = failures(connection, schedule)
    for run in failed:
        connection.client.archive_run(run.run_id)
    connection.client.enable_recurring_run(schedule.id)
    return len(failed)


def delete(connection: Connection, schedule: Schedule, *, force: bool = False) -> None:
    """Deletes a schedule; its runs stay.

    Args:
        connection: The server.
        schedule: The schedule.
        force: Whether to delete it while a run of it goes on, which ends that run at once: Kubernetes removes
            a run's workflow with the schedule that owns it, and the server lists the run as running for ever.

    Raises:
        ConfigError: If a run of it goes on.
    """
    if not force and (active := _active(connection, schedule)):
        ids = ", ".join(run.run_id for run in active)
        raise ConfigError(
            f"a run of it goes on, and would be cut off: {ids}",
            path=schedule.name,
            hint=f"Pause the schedule and wait, or stop the run: trimtab schedule pause {schedule.name}; "
            f"trimtab stop {active[0].run_id}. With --force, it is deleted all the same.",
        )
    try:
        connection.client.delete_recurring_run(schedule.id)
    except ClusterError as error:
        if not error.is_missing:  # as when the answer to the first attempt was lost
            raise


def _active(connection: Connection, schedule: Schedule) -> list[Any]:
    """Returns the runs of a schedule that have not ended."""
    try:
        runs_since = list(_since(connection, schedule))
    except ClusterError as error:
        if not error.is_missing:  # its experiment was deleted
            raise
        return []
    return [run for run in runs_since if run.recurring_run_id == schedule.id and run.state not in runs.ENDED]


def failures(connection: Connection, schedule: Schedule) -> list[Any]:
    """Returns the newest runs of a schedule up to the last that succeeded, those that failed."""
    failed = []
    try:
        for run in _since(connection, schedule):
            if run.recurring_run_id != schedule.id or run.storage_state == "ARCHIVED":
                continue
            if run.state == "SUCCEEDED":
                break
            if run.state == "FAILED":
                failed.append(run)
    except ClusterError as error:
        if not error.is_missing:  # its experiment was deleted; the other schedules are to be looked at
            raise
    return failed


def _since(connection: Connection, schedule: Schedule) -> Iterator[Any]:
    """Yields the runs of a schedule's experiment since it was created, the newest first."""
    if not schedule.experiment_id:  # the server cannot read the schedule
        return
    for run in runs.of_experiment(connection, schedule.experiment_id):
        if run.created_at and run.created_at.isoformat() < schedule.created:
            return
        yield run


def check(connection: Connection, schedule: Schedule) -> int | None:
    """Pauses a schedule whose failures in a row have reached its limit.

    Returns:
        How many there were when it was paused now, else None.
    """
    if not schedule.enabled or schedule.pause_after is None:
        return None
    count = len(failures(connection, schedule))
    if count < schedule.pause_after:
        return None
    pause(connection, schedule)
    return count


def silent_s(connection: Connection, schedule: Schedule) -> float:
    """Returns for how many seconds no run of a schedule has succeeded, since it was created at most."""
    last = datetime.fromisoformat(schedule.created) if schedule.created else datetime.now(UTC)
    for run in _since(connection, schedule):
        if run.recurring_run_id == schedule.id and run.state == "SUCCEEDED":
            last = max(last, run.finished_at or run.created_at)
            break
    return (datetime.now(UTC) - last).total_seconds()


def told(schedule: Schedule) -> Notify:
    """Returns who is told of a schedule's runs; nobody, where its config cannot be read from here."""
    try:
        content = schedule.config.encode()
        if "://" in schedule.config and not schedule.config.lstrip().startswith("{"):
            content = read(schedule.config) or b""
        return Notify.model_validate(json.loads(content).get("notify") or {})
    except (TrimtabError, ValueError, OSError, AttributeError):
        return Notify()


def _find(connection: Connection, name: str) -> Any | None:
    return next(_named(connection, name), None)


def _named(connection: Connection, name: str) -> Iterator[Any]:
    recurring_runs = connection.pages(
        connection.client.list_recurring_runs,
        "recurring_runs",
        namespace=connection.namespace,
        filter=named(name),
    )
    return (recurring for recurring in recurring_runs if recurring.display_name == name)


def _of_id(connection: Connection, identifier: str) -> list[Any]:
    try:
        return [connection.client.get_recurring_run(identifier)]
    except ClusterError as error:
        if not error.is_missing:
            raise
        return []


def _schedule(recurring: Any) -> Schedule:
    trigger, limit = recurring.trigger, _LIMIT.search(recurring.description or "")
    cron = trigger.cron_schedule.cron if trigger and trigger.cron_schedule else None
    interval = trigger.periodic_schedule if trigger else None
    # Of what the server itself cannot read, it gives the id and an error.
    unknown = f"unreadable: {recurring.error.message}" if recurring.error else "never"
    return Schedule(
        id=recurring.recurring_run_id,
        name=recurring.display_name or recurring.recurring_run_id,
        experiment_id=recurring.experiment_id,
        when=f"cron {cron} UTC" if cron else f"every {interval.interval_second} s" if interval else unknown,
        created=recurring.created_at.isoformat() if recurring.created_at else "",
        enabled=recurring.status == "ENABLED",
        pause_after=int(limit[1]) if limit else None,
        config=str(
            ((recurring.runtime_config and recurring.runtime_config.parameters) or {}).get("config") or ""
        ),
    )
