"""`trimtab run`: the whole `optimize` DAG for one config."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.kubeflow.options import connection_options

if TYPE_CHECKING:
    from trimtab.cli.local import Runner
    from trimtab.config.config import Config
    from trimtab.report.result import Result

EXIT_CODES = {"deployed": 0, "over_budget": 3, "failed": 1}
_EPILOG = """
Exit codes: 0 a model inside the budget was deployed; 2 the config or the data is unusable; 3 everything ran
and no candidate met the budget; 75 a task was told to stop, and --resume goes on; 1 anything else.
"""


@click.command("run", epilog=_EPILOG)
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--runner",
    type=click.Choice(["local", "docker", "kubeflow"]),
    default="local",
    show_default=True,
    help="Where tasks run.",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Override a field: train.epochs=3."
)
@click.option(
    "--output",
    default="runs",
    show_default=True,
    help="Where runs go: a gs:// URI or a directory, which on Kubeflow is on the volume of the pods.",
)
@click.option("--resume", metavar="RUN", help="Go on with a stopped run of this config, by its id.")
@click.option(
    "--dry-run", is_flag=True, help="Validate, print the resolved config and the tasks, run nothing."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on stdout; progress goes to stderr."
)
@click.option("--no-wait", is_flag=True, help="Kubeflow: submit, print the run's id, and leave.")
@click.option(
    "--image", metavar="REF", help="Docker, Kubeflow: the image of every task; name it by its digest."
)
@click.option(
    "--experiment", metavar="NAME", help="Kubeflow: the run's experiment; the config's name by default."
)
@click.option("--service-account", metavar="NAME", help="Kubeflow: the Kubernetes account of the pods.")
@connection_options
def command(
    config: Path,
    runner: str,
    overrides: tuple[str, ...],
    output: str,
    resume: str | None,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Train, shrink, prove and ship a model, as the YAML file CONFIG says."""
    from trimtab.config.loader import load
    from trimtab.storage.gcs.location import is_remote

    loaded = load(config, overrides)
    if runner == "kubeflow":
        return _on_kubeflow(loaded, output, options, resume=resume, dry_run=dry_run, as_json=as_json)
    image = options.pop("image") if runner == "docker" else None
    if given := [f"--{name.replace('_', '-')}" for name, value in options.items() if value]:
        raise click.UsageError(f"{', '.join(given)}: only with --runner kubeflow")
    output = output.rstrip("/") if is_remote(output) else str(Path(output).absolute())
    resolved = _with_target(loaded, output)
    if dry_run:
        _print_plan(resolved, as_json)
        return 0
    from trimtab.cli import local, processes

    run_id = resume or f"{resolved.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    tasks = _containers(image) if runner == "docker" else processes.processes
    try:
        result = local.run(resolved, output, run_id, resume=resume is not None, runner=tasks)
    except KeyboardInterrupt:
        click.echo(f"go on with the same command and --resume {run_id}", err=True)
        raise
    if as_json:
        click.echo(result.model_dump_json())
    else:
        _print_summary(result)
    for error in result.errors[:1]:
        click.echo(f"error: {error.message}", err=True)
    return result.errors[0].exit_code if result.errors else EXIT_CODES[result.status]


def _containers(image: str | None) -> Runner:
    from components.image import IMAGE
    from trimtab.cli import docker

    return docker.runner(image or IMAGE)


def _on_kubeflow(
    config: Config, output: str, options: dict[str, Any], *, resume: str | None, dry_run: bool, as_json: bool
) -> int:
    if resume:
        raise click.UsageError(
            "--resume: on Kubeflow, retry the run in its UI; its stages go on where they were"
        )
    if dry_run:
        from trimtab.cli.kubeflow import locations

        _print_plan(locations.for_pods(config, output), as_json)
        return 0
    from trimtab.cli.kubeflow.run import run

    return run(config, output, options, as_json=as_json)


def _with_target(config: Config, output: str) -> Config:
    """Returns the config with its deployment target resolved."""
    target = config.deploy.target or f"{output}/deployed/{config.name}"
    return config.model_copy(update={"deploy": config.deploy.model_copy(update={"target": target})})


def _print_plan(config: Config, as_json: bool) -> None:
    tasks = _tasks(config)
    if as_json:
        click.echo(json.dumps({"config": config.model_dump(mode="json"), "tasks": tasks}))
        return
    import yaml

    click.echo(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True))
    click.echo("# Tasks, in order")
    for task in tasks:
        click.echo(f"# {task['task']:<10} {', '.join(task['for_each'])}".rstrip())


def _tasks(config: Config) -> list[dict[str, Any]]:
    """Returns the DAG's tasks in order, as the pipeline has them, with the ids that its loops go over."""
    from trimtab.cli.local import task_order

    candidates = list(config.candidates())
    items = {"prune": list(config.prunes()), "quantize": candidates, "evaluate": candidates}
    return [{"task": name, "for_each": items.get(name, [])} for name in task_order()]


def _print_summary(result: Result) -> None:
    from rich.console import Console

    from trimtab.report.table import print_summary

    print_summary(result, Console(file=sys.stdout))
