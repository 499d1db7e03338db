"""`trimtab status`: runs on Kubeflow, or the tasks of one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.kubeflow.options import connect, connection_options

if TYPE_CHECKING:
    from trimtab.cli.kubeflow.reading import Reading
    from trimtab.cli.kubeflow.runs import Task


@click.command("status")
@click.argument("run", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many runs.")
@click.option("--follow", is_flag=True, help="Follow RUN to its end, and exit with its verdict.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connection_options
def command(run: str | None, limit: int, follow: bool, as_json: bool, **options: Any) -> int:
    """Show the newest runs on Kubeflow, or the tasks of RUN (its id or name) and why they failed."""
    if follow and run is None:
        raise click.UsageError("--follow needs a RUN")
    from trimtab.cli.kubeflow import runs

    connection = connect(options)
    if run is None:
        _show_runs(runs.recent(connection, limit), as_json)
        return 0
    server_run = runs.find(connection, run)
    if follow:
        from trimtab.cli.kubeflow.run import watch

        return watch(connection, server_run.run_id, as_json=as_json)
    _show_run(connection, server_run, as_json)
    return 0


def _show_runs(runs: list[Any], as_json: bool) -> None:
    rows = [
        {
            "run_id": run.run_id,
            "name": run.display_name or "",
            "state": run.state,
            "created": run.created_at.isoformat() if run.created_at else None,
        }
        for run in runs
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        created = str(row["created"] or "")[:19].replace("T", " ")
        click.echo(f"{row['run_id']}  {created:<19}  {row['state'] or 'PENDING':<9}  {row['name']}")
    if not rows:
        click.echo("no runs yet", err=True)


def _show_run(connection: Any, run: Any, as_json: bool) -> None:
    from trimtab.cli.kubeflow import following, reading

    snapshot = reading.read(connection, run)
    if as_json:
        click.echo(json.dumps(_as_json(snapshot)))
        return
    click.echo(f"{run.display_name}  {snapshot.state}  {connection.link(run.run_id)}")
    for task in snapshot.tasks:
        click.echo(f"  {task.label:<14} {following.describe(task)}")
    if not snapshot.is_whole:
        click.echo("The server's list of tasks ended before the run did.", err=True)
    if snapshot.has_ended and snapshot.state != "SUCCEEDED":
        for line in following.explain(connection, snapshot):
            click.echo(line)


def _as_json(reading: Reading) -> dict[str, Any]:
    from trimtab.cli.kubeflow import outcome

    recorded = outcome.reasons(reading.run) if reading.state in ("FAILED", "CANCELED") else {}
    return {
        "run_id": reading.run.run_id,
        "name": reading.run.display_name,
        "state": reading.state,
        "directory": outcome.directory(reading.run),
        "stopped": reading.stopped.isoformat() if reading.stopped else None,
        "gone": reading.gone or None,
        "all_tasks": reading.is_whole,
        "tasks": [
            {
                "task": task.label,
                "state": task.state,
                "seconds": task.seconds,
                "error": _reason(task, recorded),
                "waits": task.waits or None,
                "failed_attempts": list(task.earlier),
            }
            for task in reading.tasks
        ],
    }


def _reason(task: Task, recorded: dict[str, str]) -> str | None:
    return (recorded.get(task.stage) or task.error or None) if task.state == "FAILED" else None
