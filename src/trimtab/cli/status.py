"""`trimtab status`: runs on Kubeflow, or the tasks of one."""

from __future__ import annotations

import json
from typing import Any

import click

from trimtab.cli.kubeflow.options import connect, connection_options


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
    from trimtab.cli.kubeflow import following, outcome, runs

    tasks = runs.tasks(run)
    if as_json:
        recorded = outcome.reasons(run) if run.state == "FAILED" else {}
        click.echo(
            json.dumps(
                {
                    "run_id": run.run_id,
                    "name": run.display_name,
                    "state": run.state,
                    "directory": outcome.directory(run),
                    "tasks": [
                        {
                            "task": task.label,
                            "state": task.state,
                            "seconds": task.seconds,
                            "error": _reason(task, recorded),
                        }
                        for task in tasks
                    ],
                }
            )
        )
        return
    click.echo(f"{run.display_name}  {run.state or 'PENDING'}  {connection.link(run.run_id)}")
    for task in tasks:
        click.echo(f"  {task.label:<14} {following.describe(task)}")
    if run.state == "FAILED":
        for line in following.explain(connection, run):
            click.echo(line)


def _reason(task: Any, recorded: dict[str, str]) -> str | None:
    return (recorded.get(task.stage) or task.error or None) if task.state == "FAILED" else None
