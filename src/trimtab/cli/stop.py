"""`trimtab stop`: ends a run on Kubeflow."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.kubeflow.options import connect, connection_options
from trimtab.errors import ConfigError

_FORCE = "To delete it with its workflow, now: trimtab stop {run} --force"


@click.command("stop")
@click.argument("run")
@click.option(
    "--force", is_flag=True, help="End it at once: delete its pods, and the run from the server's list."
)
@connection_options
def command(run: str, force: bool, **options: Any) -> int:
    """Stop RUN, by its id or name. Stages save their checkpoints; nothing is deployed any more.

    Its report is written last. Where that cannot start either, only --force ends the run.
    """
    from trimtab.cli.kubeflow import following, reading, runs

    connection = connect(options)
    server_run = runs.find(connection, run)
    if server_run.state in runs.ENDED:
        click.echo(f"{server_run.run_id} has ended already: {server_run.state.lower()}")
        return 0
    if force:
        connection.client.delete_run(server_run.run_id)
        click.echo(f"{server_run.run_id} is deleted, with its workflow; what it wrote stays")
        return 0
    seen = reading.read(connection, server_run)
    if seen.gone:
        raise ConfigError(seen.gone, path=run, hint=_FORCE.format(run=server_run.run_id))
    if server_run.state == "CANCELING":
        since = f", since {seen.stopped:%Y-%m-%d %H:%M:%S} UTC" if seen.stopped else ""
        click.echo(f"{server_run.run_id} is being stopped already{since}")
    else:
        connection.client.terminate_run(server_run.run_id)
        click.echo(f"{server_run.run_id} is being stopped")
    if blocked := following.waits(seen):
        for line in blocked:
            click.echo(line, err=True)
        click.echo(f"It ends when its report is written. {_FORCE.format(run=server_run.run_id)}", err=True)
    return 0
