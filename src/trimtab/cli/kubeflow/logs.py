"""The logs of a run's pods, by the server."""

from __future__ import annotations

from urllib.parse import quote

from trimtab.cli.kubeflow.connection import Connection
from trimtab.cli.kubeflow.runs import Task
from trimtab.errors import ClusterError, LoginError

# Argo names a pod by the workflow, the template and the node's number; these are the templates KFP compiles.
# Newer releases put before them how many annotations and labels `pipelines/resources.py` gives the pod.
_TEMPLATES = tuple(
    f"{labels}{retry}system-container-impl" for labels in ("metadata-0-2-", "") for retry in ("", "retry-")
)


def read(connection: Connection, run_id: str, task: Task) -> str | None:
    """Returns the log of a task, or None where the server does not have it (any more).

    Args:
        connection: The server.
        run_id: The run's id.
        task: The task.

    Raises:
        LoginError: If the server refuses the login.
    """
    for name in _names(task):
        try:
            path = f"/apis/v1alpha1/runs/{quote(run_id, safe='')}/nodes/{quote(name, safe='')}/log"
            return connection.text(path)
        except LoginError:
            raise
        except ClusterError:
            continue  # a pod that is gone, a node that is no pod: the server has no better word for it
    return None


def elsewhere(connection: Connection, run_id: str) -> str:
    """Returns the command that shows the logs while the pods are there."""
    namespace = connection.namespace or "kubeflow"
    return f"kubectl logs -n {namespace} -l pipeline/runid={run_id} -c main --prefix --tail=100"


def _names(task: Task) -> list[str]:
    """Returns what the pod of a task may be called: the log of a live pod goes by its name, else by node."""
    names = []
    for node in task.nodes:
        workflow, found, number = node.rpartition("-")
        if found and number.isdigit():
            names += [f"{workflow}-{template}-{number}" for template in _TEMPLATES]
        names.append(node)
    return names
