"""`trimtab schedule`: runs of a config again and again on Kubeflow."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.image_reference import ImageReference
from trimtab.cli.kubeflow.options import connect, connection_options
from trimtab.cli.pipeline import Name, Pipeline

if TYPE_CHECKING:
    from trimtab.cli.kubeflow.schedules import Schedule


@click.group("schedule")
def command() -> None:
    """Run a config on Kubeflow again and again: one run at a time, missed ones are not caught up."""


@command.command("create")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--cron", metavar="FIELDS", help='UTC; 5 fields, or 6 with seconds first: "0 0 2 * * *".')
@click.option("--every", metavar="INTERVAL", help="Instead of --cron: 30m, 6h, 1d.")
@click.option(
    "--output",
    required=True,
    help="Where runs go: a URI, or a path on the volume of the pods.",
)
@click.option(
    "--pipeline",
    "pipeline_name",
    type=click.Choice(["optimize", "retrain", "compress"]),
    default="retrain",
    show_default=True,
    help="What to run: `retrain` where the data is new, `optimize` all anew, or `compress` for a "
    "model.archive that others replace.",
)
@click.option("--name", help="The schedule's name; the config's by default.")
@click.option(
    "--pause-after-failures",
    "pause_after",
    type=click.IntRange(1, 100),
    metavar="N",
    help="Let `trimtab schedule check` pause it after N failures in a row.",
)
@click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Override a field.")
@click.option(
    "--image", type=ImageReference(), metavar="REF", help="The image of every task; name it by its digest."
)
@click.option(
    "--experiment", metavar="NAME", help="The experiment of the runs; the config's name by default."
)
@click.option("--service-account", metavar="NAME", help="The Kubernetes account of the pods.")
@connection_options
def create(
    config: Path,
    cron: str | None,
    every: str | None,
    output: str,
    pipeline_name: Name,
    name: str | None,
    pause_after: int | None,
    overrides: tuple[str, ...],
    image: str | None,
    experiment: str | None,
    service_account: str | None,
    **options: Any,
) -> int:
    """Create a schedule for the YAML file CONFIG, as it is now."""
    if bool(cron) == bool(every):
        raise click.UsageError("give --cron or --every")
    from trimtab.cli.kubeflow import cron as times
    from trimtab.cli.kubeflow import launcher, locations, package, schedules
    from trimtab.config import loader

    expression = times.six_fields(cron) if cron else None
    interval_s = times.seconds(every) if every else None
    brings_model = pipeline_name == "compress"
    loaded = (
        loader.load_compression(config, {}, overrides) if brings_model else loader.load(config, overrides)
    )
    loaded, output = launcher.stored(loaded, output, options["namespace"])
    resolved = locations.for_pods(loaded, output)
    schedules.check_name(name or resolved.name)
    pipeline = Pipeline(pipeline_name)
    arguments = pipeline.arguments(resolved, output.rstrip("/"))
    connection = connect(options)

    def create(version: package.Version) -> schedules.Schedule:
        return schedules.create(
            connection,
            version,
            arguments,
            name=name or resolved.name,
            experiment=experiment or resolved.name,
            cron=expression,
            interval_s=interval_s,
            pause_after=pause_after,
            service_account=service_account,
        )

    schedule = package.start(connection, pipeline, resolved, image, create)
    click.echo(f"{schedule.name}: {schedule.when}")
    if pause_after:
        click.echo(
            "`trimtab schedule check` pauses it; let the cluster run that: see docs/kubeflow.md", err=True
        )
    return 0


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connection_options
def list_(as_json: bool, **options: Any) -> int:
    """List the schedules, and how often each has failed in a row."""
    from trimtab.cli.kubeflow import schedules

    connection = connect(options)
    counted = [
        (schedule, len(schedules.failures(connection, schedule))) for schedule in schedules.listed(connection)
    ]
    if as_json:
        # The config is long, and people who list schedules did not ask for it.
        shown = [{**asdict(schedule), "failures_in_a_row": count} for schedule, count in counted]
        click.echo(json.dumps([{key: row[key] for key in row if key != "config"} for row in shown]))
        return 0
    for schedule, count in counted:
        limit = f" of {schedule.pause_after}" if schedule.pause_after else ""
        state = "enabled" if schedule.enabled else "paused"
        click.echo(f"{schedule.name:<24}  {state:<7}  {schedule.when:<28}  {count}{limit} failures in a row")
    if not counted:
        click.echo("no schedules yet", err=True)
    return 0


@command.command("pause")
@click.argument("name")
@connection_options
def pause(name: str, **options: Any) -> int:
    """Pause the schedule NAME (or its id); a run that goes on is not stopped."""
    from trimtab.cli.kubeflow import schedules

    connection = connect(options)
    schedules.pause(connection, schedules.get(connection, name))
    click.echo(f"{name} is paused")
    return 0


@command.command("resume")
@click.argument("name")
@connection_options
def resume(name: str, **options: Any) -> int:
    """Go on with the schedule NAME; its failures in a row are archived, and count no more."""
    from trimtab.cli.kubeflow import schedules

    connection = connect(options)
    archived = schedules.resume(connection, schedules.get(connection, name))
    click.echo(f"{name} is enabled{f'; {archived} failed runs were archived' if archived else ''}")
    return 0


@command.command("delete")
@click.argument("name")
@click.option("--force", is_flag=True, help="Also while a run of it goes on, which that cuts off.")
@connection_options
def delete(name: str, force: bool, **options: Any) -> int:
    """Delete the schedule NAME; its runs stay."""
    from trimtab.cli.kubeflow import schedules

    connection = connect(options)
    schedules.delete(connection, schedules.get(connection, name), force=force)
    click.echo(f"{name} is deleted")
    return 0


@command.command("check")
@click.argument("name", required=False)
@click.option(
    "--silent",
    "longest",
    metavar="INTERVAL",
    help="Also tell of those of which no run has succeeded for so long, and end with 1: 26h, 2d.",
)
@connection_options
def check(name: str | None, longest: str | None, **options: Any) -> int:
    """Pause the schedule NAME, or every one, that has failed as often in a row as it may.

    Who is named in the config's section notify is told. A CronJob in the cluster runs this; see
    docs/kubeflow.md.
    """
    from trimtab.cli.kubeflow import cron, schedules

    longest_s, silent = cron.seconds(longest, "--silent") if longest else None, 0
    connection = connect(options)
    for schedule in [schedules.get(connection, name)] if name else schedules.listed(connection):
        if (count := schedules.check(connection, schedule)) is not None:
            _tell(schedule, f"{schedule.name} is paused after {count} failures in a row")
        if longest_s and schedules.silent_s(connection, schedule) > longest_s:
            silent += 1
            state = "" if schedule.enabled else ", and it is paused"
            _tell(schedule, f"{schedule.name}: no run has succeeded for {longest}{state}")
    return 1 if silent else 0


def _tell(schedule: Schedule, text: str) -> None:
    """Prints what happened to a schedule, and sends it to those whom its config names."""
    from trimtab import notify
    from trimtab.cli.kubeflow import schedules

    click.echo(text)
    facts = {"schedule": schedule.name, "schedule_id": schedule.id}
    for failure in notify.send(schedules.told(schedule), notify.Notice(f"trimtab {text}", text, facts)):
        click.echo(f"warning: nobody was told by {failure}", err=True)
