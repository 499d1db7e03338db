"""Who moves the pointer: a person on a machine, or a run on a cluster."""

from __future__ import annotations

import getpass
import os
import socket


def who(run_uri: str | None = None) -> str:
    """Returns ``user@host``; in a pod or a container without users of its own, the run's id.

    Kubernetes sets ``KUBERNETES_SERVICE_HOST`` in every pod. The names of users and hosts say nothing there,
    and the last part of the URI of the run's directory is the id that Kubeflow Pipelines gave the run.

    Args:
        run_uri: The URI of the run's directory, in a stage.
    """
    in_pod = "KUBERNETES_SERVICE_HOST" in os.environ
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an arbitrary uid, which is in no user database
        user = ""
    if run_uri and (in_pod or not user):
        return run_uri.rstrip("/").rpartition("/")[2]
    return f"{user or os.getuid()}@{socket.gethostname()}"
