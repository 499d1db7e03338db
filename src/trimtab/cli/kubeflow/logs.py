"""The logs of a run's pods, by the server, and where else they are."""

from __future__ import annotations

import re
from urllib.parse import quote

from trimtab.cli.kubeflow.connection import Connection
from trimtab.cli.kubeflow.reading import Reading
from trimtab.cli.kubeflow.runs import Task
from trimtab.errors import ClusterError, LoginError

# What KFP's launcher (which logs as klog does) and its executor print around what a stage prints.
_LAUNCHER = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ \S+:\d+\] |\[KFP Executor ")
_INPUT = "Got executor_input:"


def read(connection: Connection, run_id: str, task: Task) -> str | None:
    """Returns the log of a task, or None where the server does not have it (any more).

    Args:
        connection: The server.
        run_id: The run's id.
        task: The task.

    Raises:
        LoginError: If the server refuses the login.
    """
    for name in task.pods:
        try:
            path = f"/apis/v1alpha1/runs/{quote(run_id, safe='')}/nodes/{quote(name, safe='')}/log"
            return connection.text(path)
        except LoginError:
            raise
        except ClusterError:
            continue  # a pod that is gone, a node that is no pod: the server has no better word for it
    return None


def elsewhere(connection: Connection, reading: Reading, task: Task) -> list[str]:
    """Returns where to look for a task's log that the server does not have.

    A server for one user may not read the logs of live pods, and finds no archived ones of a workflow that
    Argo has compressed.
    """
    namespace = reading.namespace or connection.namespace or "kubeflow"
    of_run = f"-l pipeline/runid={reading.run.run_id}"
    pod = task.pod or f"{of_run} --prefix --tail=100"
    lines = [f"While its pod is there: kubectl logs -n {namespace} {pod} -c main"]
    return [*lines, f"Archived in the store: {task.archived}"] if task.archived else lines


def own_lines(log: str) -> list[str]:
    """Returns what a stage printed itself, without what KFP prints around it; where nothing is left, all."""
    lines, in_input = [], False
    for line in log.splitlines():
        if _LAUNCHER.match(line):
            in_input = line.endswith(_INPUT)
        elif not in_input:
            lines.append(line)
        else:
            in_input = line != "}"
    return lines if any(line.strip() for line in lines) else log.splitlines()
