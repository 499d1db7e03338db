"""`trimtab run --runner kubeflow`: submits, follows, and ends with the run's verdict."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.kubeflow import following, launcher, locations, outcome, package, restarting, submission
from trimtab.cli.kubeflow.connection import Connection
from trimtab.cli.kubeflow.options import connect
from trimtab.cli.kubeflow.reading import Reading
from trimtab.cli.pipeline import Pipeline
from trimtab.errors import ClusterError, ConfigError, TrimtabError

if TYPE_CHECKING:
    from trimtab.config.config import Config
    from trimtab.report.result import Result

INTERRUPTED = 130


def run(
    pipeline: Pipeline,
    config: Config,
    output: str,
    options: dict[str, Any],
    *,
    resume: str | None = None,
    as_json: bool,
) -> int:
    """Runs a config on a server and returns the exit code.

    A run of which a pod was killed is started again, as often as the config says, while it is followed.

    Args:
        pipeline: The pipeline, and its arguments that are not in the config.
        config: The config.
        output: The directory that holds the runs' directories.
        options: The values of the command's options for this runner.
        resume: The id of a run to go on from; None: the config's.
        as_json: Whether to print one JSON object on standard output, and nothing else there.

    Raises:
        ConfigError: If pods could not reach a path of the config, or if it is too large to travel.
        ClusterError: If the server cannot be used.
    """
    config, output = launcher.stored(config, output, options["namespace"])
    resolved, place = locations.for_pods(config, output), output.rstrip("/")
    arguments = pipeline.arguments(_after(resolved, resume), place)
    connection, restarts, attempt = connect(options), resolved.kubeflow.restarts, 0
    while True:
        submitted = _submitted(connection, pipeline, resolved, arguments, options)
        click.echo(f"run {submitted.run_id}: {connection.link(submitted.run_id)}", err=True)
        if options["no_wait"]:
            shown = {"run_id": submitted.run_id, "url": connection.link(submitted.run_id)}
            click.echo(json.dumps(shown) if as_json else submitted.run_id)
            return 0
        ended = _followed(connection, submitted.run_id)
        if ended is None:
            return INTERRUPTED
        killed, attempt = restarting.killed(ended), attempt + 1
        if not killed or attempt > restarts:
            return _told(connection, ended, as_json)
        click.echo(
            f"{_were(killed)}: starting again from {submitted.run_id}, {attempt} of {restarts}", err=True
        )
        arguments = pipeline.arguments(_after(resolved, submitted.run_id), place)


def _submitted(
    connection: Connection,
    pipeline: Pipeline,
    config: Config,
    arguments: dict[str, Any],
    options: dict[str, Any],
) -> Any:
    """Returns a run of a config, which was created."""

    def submit(version: package.Version) -> Any:
        return submission.submit(
            connection,
            version,
            arguments,
            name=config.name,
            experiment=options["experiment"],
            service_account=options["service_account"],
        )

    return package.start(connection, pipeline, config, options["image"], submit)


def _after(config: Config, earlier: str | None) -> Config:
    """Returns the config of a run that goes on from an earlier one."""
    if earlier is None:
        return config
    return config.model_copy(update={"kubeflow": config.kubeflow.model_copy(update={"resume": earlier})})


def _were(killed: list[str]) -> str:
    return f"{', '.join(killed)} {'was' if len(killed) == 1 else 'were'} killed"


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
    ended = _followed(connection, run_id)
    return INTERRUPTED if ended is None else _told(connection, ended, as_json)


def _followed(connection: Connection, run_id: str) -> Reading | None:
    """Returns a run when it has ended; None: whoever followed it does so no more."""
    try:
        return following.follow(connection, run_id)
    except KeyboardInterrupt:
        click.echo(f"\nnot followed any more; {_goes_on(run_id)}", err=True)
        return None
    except TrimtabError as error:
        if isinstance(error, ClusterError) and error.is_missing:
            raise ConfigError(f"the run {run_id} was deleted", path=connection.host) from None
        error.hint = "\n  ".join(part for part in (error.hint, f"Meanwhile, {_goes_on(run_id)}") if part)
        raise


def _told(connection: Connection, ended: Reading, as_json: bool) -> int:
    """Shows what came of a run, and returns the exit code."""
    result = outcome.result(ended.run)
    if ended.state != "SUCCEEDED":
        for line in following.explain(connection, ended):
            click.echo(line, err=True)
    if killed := restarting.killed(ended):
        click.echo(
            f"{_were(killed)}. The same command with --resume {ended.run.run_id} goes on from there; "
            "with kubeflow.restarts it does so by itself.",
            err=True,
        )
    code = outcome.exit_code(ended, result)
    _show(ended, result, code, as_json)
    return code


def _goes_on(run_id: str) -> str:
    return f"the run goes on. Follow it: trimtab status {run_id} --follow\n  Stop it: trimtab stop {run_id}"


def _show(ended: Reading, result: Result | None, code: int, as_json: bool) -> None:
    directory = outcome.directory(ended.run)
    if result is None:
        place = f" in {directory}" if directory else ", which names no output,"
        click.echo(f"The result{place} cannot be read from here.", err=True)
    if code == outcome.UNKNOWN:
        click.echo(
            "The server does not list all tasks, so it is not known whether a model was deployed. "
            "Its `result.json` says it.",
            err=True,
        )
    if as_json:
        without = {"run_id": ended.run.run_id, "state": ended.state, "directory": directory}
        click.echo(result.model_dump_json() if result else json.dumps(without))
    elif result is not None:
        from rich.console import Console

        from trimtab.report.table import print_summary

        print_summary(result, Console(file=sys.stdout))
