"""`trimtab logs`: what the pods of a run printed."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.kubeflow.options import connect, connection_options


@click.command("logs")
@click.argument("run")
@click.option("--task", metavar="NAME", help="Only this stage: train, or prune for all prunings.")
@click.option("--tail", type=click.IntRange(1), metavar="N", help="Only the last N lines of each.")
@connection_options
def command(run: str, task: str | None, tail: int | None, **options: Any) -> int:
    """Print the logs of RUN's tasks, by the server; RUN is the id or the name of a run on Kubeflow."""
    from trimtab.cli.kubeflow import logs, runs
    from trimtab.errors import ConfigError

    connection = connect(options)
    found = runs.find(connection, run)
    known = runs.tasks(found)
    wanted = (task or "").replace("-", "_")
    chosen = [one for one in known if task is None or wanted in (one.stage, one.label)]
    if task and not chosen:
        names = ", ".join(one.label for one in known) or "none so far"
        raise ConfigError(f"the run has no task {task}", path=run, hint=f"It has: {names}.")
    if not known:
        click.echo("no task has begun yet", err=True)
    missing = False
    for one in chosen:
        text = logs.read(connection, found.run_id, one)
        missing = missing or text is None
        click.echo(f"=== {one.label} ({one.state.lower()}){'' if text is not None else ': no log'}")
        lines = (text or "").splitlines()
        for line in lines[-tail:] if tail else lines:
            click.echo(line)
    if missing:
        click.echo(
            f"The server has no log of some; try: {logs.elsewhere(connection, found.run_id)}", err=True
        )
    return 1 if missing and chosen and task else 0
