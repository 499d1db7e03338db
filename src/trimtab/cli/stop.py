"""`trimtab stop`: ends a run on Kubeflow."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.kubeflow.options import connect, connection_options


@click.command("stop")
@click.argument("run")
@connection_options
def command(run: str, **options: Any) -> int:
    """Stop RUN, by its id or name. Stages save their checkpoints; nothing is deployed any more."""
    from trimtab.cli.kubeflow import runs

    connection = connect(options)
    found = runs.find(connection, run)
    if found.state in runs.ENDED:
        click.echo(f"{found.run_id} has ended already: {found.state.lower()}")
        return 0
    connection.client.terminate_run(found.run_id)
    click.echo(f"{found.run_id} is being stopped")
    return 0
