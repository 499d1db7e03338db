"""A run of one config on the server."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from kfp_server_api import V2beta1Experiment

from trimtab.cli.kubeflow.connection import Connection, named
from trimtab.cli.kubeflow.package import Version


def ensure_experiment(connection: Connection, name: str) -> str:
    """Returns the id of the experiment of a name, which is created when it is not there."""

    def find() -> Any | None:
        experiments = connection.pages(
            connection.client.list_experiments,
            "experiments",
            namespace=connection.namespace,
            filter=named(name),
        )
        # Most servers compare names without regard to case, and have no second one.
        return max(experiments, key=lambda candidate: candidate.display_name == name, default=None)

    wanted = V2beta1Experiment(display_name=name, namespace=connection.namespace)
    experiment = find() or connection.create_once(
        f"the experiment {name}",
        lambda: connection.client.create_experiment_as_given(wanted),
        find,
        unique=True,
    )
    return str(experiment.experiment_id)


def submit(
    connection: Connection,
    version: Version,
    arguments: dict[str, Any],
    *,
    name: str,
    experiment: str | None = None,
    service_account: str | None = None,
) -> Any:
    """Creates a run, exactly one also when an answer of the server is lost.

    Args:
        connection: The server.
        version: The pipeline version to run.
        arguments: What the pipeline is called with, as `Pipeline.arguments` returns it.
        name: The config's name.
        experiment: The experiment's name; None: the config's name.
        service_account: The account of the pods; None: the server's default.

    Returns:
        The run, with its `run_id`.

    Raises:
        ClusterError: If the server fails.
    """
    experiment_id = ensure_experiment(connection, experiment or name)
    # The name is the run's own: after a lost answer, a run of this name is the one that was asked for.
    run_name = f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    return connection.create_once(
        f"the run {run_name}",
        lambda: connection.client.run_pipeline(
            experiment_id,
            run_name,
            params=arguments,
            pipeline_id=version.pipeline_id,
            version_id=version.version_id,
            service_account=service_account,
        ),
        lambda: _run(connection, experiment_id, run_name),
        unique=False,
    )


def _run(connection: Connection, experiment_id: str, name: str) -> Any | None:
    runs = connection.pages(
        connection.client.list_runs, "runs", experiment_id=experiment_id, filter=named(name)
    )
    return next((run for run in runs if run.display_name == name), None)
