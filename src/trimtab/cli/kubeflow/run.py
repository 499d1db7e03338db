"""`trimtab run --runner kubeflow`: submits, follows, and ends with the run's verdict."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.kubeflow import following, locations, outcome, package, submission
from trimtab.cli.kubeflow.connection import Connection
from trimtab.cli.kubeflow.options import connect
from trimtab.cli.kubeflow.reading import Reading
from trimtab.cli.pipeline import Pipeline
from trimtab.errors import ClusterError, ConfigError, TrimtabError

if TYPE_CHECKING:
    from trimtab.config.config import Config
    from trimtab.report.result import Result

INTERRUPTED = 130


def run(pipeline: Pipeline, config: Config, output: str, options: dict[str, Any], *, as_json: bool) -> int:
    """Runs a config on a server and returns the exit code.

    Args:
        pipeline: The pipeline, and its arguments that are not in the config.
        config: The config.
        output: The directory that holds the runs' directories.
        options: The values of the command's options for this runner.
        as_json: Whether to print one JSON object on standard output, and nothing else there.

    Raises:
        ConfigError: If pods could not reach a path of the config, or if it is too large to travel.
        ClusterError: If the server cannot be used.
    """
    resolved = locations.for_pods(config, output)
    arguments = pipeline.arguments(resolved, output.rstrip("/"))
    connection = connect(options)

    def submit(version: package.Version) -> Any:
        return submission.submit(
            connection,
            version,
            arguments,
            name=resolved.name,
            experiment=options["experiment"],
            service_account=options["service_account"],
        )

    submitted = package.start(connection, pipeline, resolved, options["image"], submit)
    click.echo(f"run {submitted.run_id}: {connection.link(submitted.run_id)}", err=True)
    if options["no_wait"]:
        shown = {"run_id": submitted.run_id, "url": connection.link(submitted.run_id)}
        click.echo(json.dumps(shown) if as_json else submitted.run_id)
        return 0
    return watch(connection, submitted.run_id, as_json=as_json)


def watch(connection: Connection, run_id: str, *, as_json: bool) -> int:
    """Follows a run to its end, shows what came of it, and returns the exit code.

    Args:
        connection: The server.
        run_id: The run's id.
        as_json: As for ``run``.

    Raises:
        ConfigError: If the run is deleted meanwhile.
        TrimtabError: If the server or the login cannot be used any more; the run goes on.
    """
    try:
        ended = following.follow(connection, run_id)
    except KeyboardInterrupt:
        click.echo(f"\nnot followed any more; {_goes_on(run_id)}", err=True)
        return INTERRUPTED
    except TrimtabError as error:
        if isinstance(error, ClusterError) and error.status == 404:
            raise ConfigError(f"the run {run_id} was deleted", path=connection.host) from None
        error.hint = "\n  ".join(part for part in (error.hint, f"Meanwhile, {_goes_on(run_id)}") if part)
        raise
    found = outcome.result(ended.run)
    if ended.state != "SUCCEEDED":
        for line in following.explain(connection, ended):
            click.echo(line, err=True)
    code = outcome.exit_code(ended, found)
    _show(ended, found, code, as_json)
    return code


def _goes_on(run_id: str) -> str:
    return f"the run goes on. Follow it: trimtab status {run_id} --follow\n  Stop it: trimtab stop {run_id}"


def _show(ended: Reading, found: Result | None, code: int, as_json: bool) -> None:
    directory = outcome.directory(ended.run)
    if found is None:
        click.echo(f"The result in {directory} cannot be read from here.", err=True)
    if code == outcome.UNKNOWN:
        click.echo(
            "The server does not list all tasks, so it is not known whether a model was deployed. "
            "`result.json` there says it.",
            err=True,
        )
    if as_json:
        without = {"run_id": ended.run.run_id, "state": ended.state, "directory": directory}
        click.echo(found.model_dump_json() if found else json.dumps(without))
    elif found is not None:
        from rich.console import Console

        from trimtab.report.table import print_summary

        print_summary(found, Console(file=sys.stdout))
