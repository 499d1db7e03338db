"""`trimtab logs`: what the pods of a run printed."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.kubeflow.options import connect, connection_options

# Tasks that have no pod, and so no log anywhere.
_WITHOUT_PODS = ("SKIPPED", "CACHED", "OMITTED", "PENDING")


@click.command("logs")
@click.argument("run")
@click.option("--task", metavar="NAME", help="Only this stage: train, or prune for all prunings.")
@click.option("--tail", type=click.IntRange(1), metavar="N", help="Only the last N lines of each.")
@connection_options
def command(run: str, task: str | None, tail: int | None, **options: Any) -> int:
    """Print the logs of RUN's tasks, by the server; RUN is the id or the name of a run on Kubeflow."""
    from trimtab.cli.kubeflow import logs, reading, runs
    from trimtab.errors import ConfigError

    connection = connect(options)
    snapshot = reading.read(connection, runs.find(connection, run))
    known = snapshot.tasks
    wanted = (task or "").replace("-", "_")
    chosen = [run_task for run_task in known if task is None or wanted in (run_task.stage, run_task.label)]
    if task and not chosen:
        names = ", ".join(run_task.label for run_task in known) or "none so far"
        raise ConfigError(f"the run has no task {task}", path=run, hint=f"It has: {names}.")
    if not known:
        click.echo("no task has begun yet", err=True)
    missing = 0
    for run_task in chosen:
        text = logs.read(connection, snapshot.run.run_id, run_task)
        click.echo(f"=== {run_task.label} ({run_task.state.lower()}){'' if text is not None else ': no log'}")
        lines = (text or "").splitlines()
        for line in lines[-tail:] if tail else lines:
            click.echo(line)
        if text is None and (run_task.pods or run_task.state not in _WITHOUT_PODS):
            missing += 1
            for line in logs.elsewhere(connection, snapshot, run_task):
                click.echo(line, err=True)
    return 1 if task and missing == len(chosen) else 0
