"""Runs on the server: finding one, and what its tasks are doing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import datetime
from itertools import count, islice
from typing import Any

from trimtab.cli.kubeflow.connection import Connection, named
from trimtab.config.stages import STAGES
from trimtab.errors import ClusterError, ConfigError

# A run in a listing comes with all nodes of its workflow, hundreds with loops: few are asked for at once.
PAGE = 10
ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")
STATES = {
    "PENDING": "waiting",
    "RUNNING": "started",
    "SUCCEEDED": "finished",
    "FAILED": "failed",
    "SKIPPED": "skipped",
    "CACHED": "answered from Kubeflow's cache",
    "CANCELING": "stopping",
    "CANCELED": "stopped",
    "PAUSED": "paused",
    "OMITTED": "not reached",
    "UNKNOWN": "not known",
}
"""What a task can be doing, in words."""
_STAGES = {stage.replace("_", "-"): stage for stage in STAGES}
_DRIVER = "-driver"
# Argo names a pod by the workflow, the template and the node's number; these are the templates KFP compiles.
# Newer releases put before them how many annotations and labels `pipelines/resources.py` gives the pod.
_TEMPLATES = tuple(
    f"{labels}{retry}system-container-impl"
    for labels in ("metadata-0-2-", "metadata-0-3-", "metadata-0-4-", "")
    for retry in ("", "retry-")
)
_FNV_PRIME = 16_777_619
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Task:
    """One stage's task in a run.

    Attributes:
        label: The stage; from its second task on, as in a loop, with a number.
        state: One of `STATES`.
        error: What the server says of its end, if it is a failure.
        waits: Why its pod cannot start, and what to do; empty: it can, or has.
        pods: What its pods are called, the last attempt's first; names to try where they are not known.
        pod: The name of its last attempt's pod, where that is known for certain.
        archived: Where its log is kept when the pod is gone; empty: not known.
        earlier: What is said of the end of each attempt that failed before the last one, the newest first.
    """

    stage: str
    label: str
    state: str
    started: datetime | None
    ended: datetime | None
    error: str
    pods: tuple[str, ...]
    waits: str = ""
    pod: str = ""
    archived: str = ""
    earlier: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """Returns how long it took, where both ends are known."""
        if self.started is None or self.ended is None or self.ended < self.started:
            return None
        return (self.ended - self.started).total_seconds()


def find(connection: Connection, run: str) -> Any:
    """Returns a run by its id, or the newest one by its name.

    Raises:
        ConfigError: If there is none.
        ClusterError: If the server fails.
    """
    if ID.fullmatch(run):
        try:
            return connection.client.get_run(run)
        except ClusterError as error:
            if not error.is_missing:
                raise
            raise ConfigError(f"there is no run {run}", path=connection.host, hint=_LIST) from None
    # Some servers compare names without regard to case.
    match = next(
        (candidate for candidate in _listed(connection, filter=named(run)) if candidate.display_name == run),
        None,
    )
    if match is None:
        raise ConfigError(f"there is no run {run}", path=connection.host, hint=_LIST)
    return connection.client.get_run(match.run_id)


def recent(connection: Connection, limit: int) -> list[Any]:
    """Returns the newest runs."""
    return list(islice(_listed(connection), limit))


def of_experiment(connection: Connection, experiment_id: str) -> Iterator[Any]:
    """Yields the runs of an experiment, the newest first."""
    return connection.pages(
        connection.client.list_runs, "runs", size=PAGE, experiment_id=experiment_id, sort_by="created_at desc"
    )


def tasks(run: Any) -> list[Task]:
    """Returns the tasks of a run that are stages, as API v2beta1 lists them, in the order they were started.

    The server lists the workflow's nodes: drivers, loops and conditions are among them. A driver that failed
    stands for its stage, which never began. What the list leaves open when the run has ended is not known.
    """
    details = _details(run)
    known = {child for detail in details for child in _children(detail)}
    details.sort(
        key=lambda detail: (_known(detail.start_time) is None, str(detail.start_time), str(detail.task_id))
    )
    stage_tasks: list[Task] = []
    for detail in details:
        name = str(detail.display_name or "")
        failed_driver = name.endswith(_DRIVER) and detail.state == "FAILED"
        stage = _STAGES.get(name.removesuffix(_DRIVER) if failed_driver else name)
        if stage is None:
            continue
        stage_tasks.append(
            _task(detail, stage, numbered(stage, stage_tasks), known, ended=run.state in ENDED)
        )
    return stage_tasks


def is_frozen(run: Any) -> bool:
    """Returns whether the server's list of a run's tasks stopped before the run did, or is empty."""
    details = _details(run)
    going_on = any(detail.state in ("PENDING", "RUNNING") for detail in details)
    return run.state in ENDED and (going_on or not details)


def numbered(stage: str, before: list[Task]) -> str:
    """Returns the label of a stage's next task."""
    number = 1 + sum(task.stage == stage for task in before)
    return stage if number == 1 else f"{stage} {number}"


def parameter(run: Any, name: str) -> str | None:
    """Returns a text parameter of a run."""
    value = (getattr(run.runtime_config, "parameters", None) or {}).get(name)
    return value if isinstance(value, str) else None


def _details(run: Any) -> list[Any]:
    return list(getattr(run.run_details, "task_details", None) or [])


def _task(detail: Any, stage: str, label: str, known: Set[str], *, ended: bool) -> Task:
    nodes = [detail.pod_name] if detail.pod_name else []
    for child in _children(detail):
        nodes += [*reversed(list(_attempts(child, known))), child]
    state = str(detail.state or "PENDING")
    if state == "RUNTIME_STATE_UNSPECIFIED":  # Argo left it out, or has not said yet
        state = "PENDING"
    if ended and state in ("PENDING", "RUNNING"):
        state = "OMITTED" if state == "PENDING" else "UNKNOWN"
    return Task(
        stage=stage,
        label=label,
        state=state,
        started=_known(detail.start_time),
        ended=_known(detail.end_time),
        error=str(detail.error.message or "") if detail.error else "",
        pods=tuple(name for node in nodes for name in _names(node)),
    )


def _names(node: str) -> list[str]:
    """Returns what a pod of unknown template may be called; the log of one that is gone goes by node."""
    workflow, dash, number = node.rpartition("-")
    guessed = [f"{workflow}-{template}-{number}" for template in _TEMPLATES]
    return [*(guessed if dash and number.isdigit() else []), node]


def _known(time: datetime | None) -> datetime | None:
    """Returns a time, or None where the server does not know it: then it gives the epoch."""
    return time if time is not None and time.year > 1970 else None


def _children(detail: Any) -> list[str]:
    return [child.pod_name for child in detail.child_tasks or [] if child.pod_name]


def _attempts(node: str, known: Set[str]) -> Iterator[str]:
    """Yields the nodes of a retried task's pods, which are below the task's own child.

    Argo calls them `NAME(0)`, `NAME(1)` and so on. A node's id ends with the FNV-1a hash of its name, and the
    hash of a longer name goes on where the shorter one's ends.
    """
    workflow, _, number = node.rpartition("-")
    for attempt in count():
        if not number.isdecimal():
            return
        value = int(number)
        for byte in f"({attempt})".encode():
            value = (value ^ byte) * _FNV_PRIME % 2**32
        if (name := f"{workflow}-{value}") not in known:
            return
        yield name


def _listed(connection: Connection, **arguments: Any) -> Iterator[Any]:
    return connection.pages(
        connection.client.list_runs,
        "runs",
        size=PAGE,
        namespace=connection.namespace,
        sort_by="created_at desc",
        **arguments,
    )


_LIST = "`trimtab status` lists the newest runs."
