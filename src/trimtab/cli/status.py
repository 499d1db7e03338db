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
    found = runs.find(connection, run)
    if follow:
        from trimtab.cli.kubeflow.run import watch

        return watch(connection, found.run_id, as_json=as_json)
    _show_run(connection, found, as_json)
    return 0


def _show_runs(found: list[Any], as_json: bool) -> None:
    rows = [
        {
            "run_id": one.run_id,
            "name": one.display_name or "",
            "state": one.state,
            "created": one.created_at.isoformat() if one.created_at else None,
        }
        for one in found
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

    found = reading.read(connection, run)
    if as_json:
        click.echo(json.dumps(_as_json(found)))
        return
    click.echo(f"{run.display_name}  {found.state}  {connection.link(run.run_id)}")
    for task in found.tasks:
        click.echo(f"  {task.label:<14} {following.describe(task)}")
    if not found.is_whole:
        click.echo("The server's list of tasks ended before the run did.", err=True)
    if found.has_ended and found.state != "SUCCEEDED":
        for line in following.explain(connection, found):
            click.echo(line)


def _as_json(found: Reading) -> dict[str, Any]:
    from trimtab.cli.kubeflow import outcome

    recorded = outcome.reasons(found.run) if found.state in ("FAILED", "CANCELED") else {}
    return {
        "run_id": found.run.run_id,
        "name": found.run.display_name,
        "state": found.state,
        "directory": outcome.directory(found.run),
        "stopped": found.stopped.isoformat() if found.stopped else None,
        "gone": found.gone or None,
        "all_tasks": found.is_whole,
        "tasks": [
            {
                "task": task.label,
                "state": task.state,
                "seconds": task.seconds,
                "error": _reason(task, recorded),
                "waits": task.waits or None,
            }
            for task in found.tasks
        ],
    }


def _reason(task: Task, recorded: dict[str, str]) -> str | None:
    return (recorded.get(task.stage) or task.error or None) if task.state == "FAILED" else None
