"""What `trimtab run` and `trimtab retrain` share: their options, and running a pipeline where they say."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trimtab.cli.exit_codes import exit_code
from trimtab.cli.image_reference import ImageReference
from trimtab.cli.kubeflow.options import connection_options
from trimtab.cli.pipeline import ON_CLUSTER, Pipeline, shards
from trimtab.cpus import cpus
from trimtab.errors import TrimtabError

if TYPE_CHECKING:
    from trimtab.cli.local import Runner
    from trimtab.config.config import Config
    from trimtab.report.result import Result
    from trimtab.stages.preview import Preview

_OPTIONS = (
    click.option(
        "--runner",
        type=click.Choice(["local", "docker", "kubeflow"]),
        default="local",
        show_default=True,
        help="Where tasks run.",
    ),
    click.option(
        "--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Override a field: train.epochs=3."
    ),
    click.option(
        "--output",
        default="runs",
        show_default=True,
        help="Where runs go: a URI or a directory, which on Kubeflow is on the volume of the pods.",
    ),
    click.option("--resume", metavar="RUN", help="Go on with a stopped run of this config, by its id."),
    click.option(
        "--dry-run", is_flag=True, help="Validate, print the resolved config and the tasks, run nothing."
    ),
    click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object on stdout; progress goes to stderr."
    ),
    click.option("--no-wait", is_flag=True, help="Kubeflow: submit, print the run's id, and leave."),
    click.option(
        "--image",
        type=ImageReference(),
        metavar="REF",
        help="Docker, Kubeflow: the image of every task; name it by its digest.",
    ),
    click.option(
        "--experiment", metavar="NAME", help="Kubeflow: the run's experiment; the config's name by default."
    ),
    click.option("--service-account", metavar="NAME", help="Kubeflow: the Kubernetes account of the pods."),
)


def launch_options(source: str = "CONFIG") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns what adds the argument and the options to a command; ``launch`` takes their values.

    Args:
        source: What the argument is called.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        command = connection_options(command)
        for option in reversed(_OPTIONS):
            command = option(command)
        return click.argument("config", metavar=source, type=click.Path(path_type=Path))(command)

    return add


def launch(
    pipeline: Pipeline,
    *,
    config: Path,
    runner: str,
    overrides: tuple[str, ...],
    output: str,
    resume: str | None,
    dry_run: bool,
    as_json: bool,
    load: Callable[[Path, Sequence[str]], Config] | None = None,
    **options: Any,
) -> int:
    """Runs a pipeline for a config where the options say, shows what came of it, and returns the exit code.

    Args:
        pipeline: The pipeline.
        config: The YAML file.
        runner: ``local``, ``docker`` or ``kubeflow``.
        overrides: Fields of the config to override, as ``field=value``.
        output: The directory that holds the runs' directories.
        resume: The id of a stopped run to go on with.
        dry_run: Whether to print what would run, and run nothing.
        as_json: Whether to print one JSON object on standard output, and nothing else there.
        load: Makes a config of the file and the overrides; None: the file is one.
        options: The options for one runner only.

    Raises:
        TrimtabError: If the config cannot be used, if a dry run finds that no candidate can meet the budget
            on the test rows, or if a task died without leaving a record.
    """
    from trimtab.config import loader
    from trimtab.storage.store import open_store

    loaded = (load or loader.load)(config, overrides)
    if runner == "kubeflow":
        return _on_kubeflow(
            pipeline, loaded, output, options, resume=resume, dry_run=dry_run, as_json=as_json
        )
    image = options.pop("image") if runner == "docker" else None
    if given := [f"--{name.replace('_', '-')}" for name, value in options.items() if value]:
        raise click.UsageError(f"{', '.join(given)}: only with --runner kubeflow")
    output = open_store(output).uri
    resolved = _with_target(loaded, output)
    if dry_run:
        _print_plan(pipeline, resolved, cpus(), _preview(resolved), as_json)
        return 0
    return _here(pipeline, resolved, output, _tasks(runner, image), resume=resume, as_json=as_json)


def _here(
    pipeline: Pipeline, config: Config, output: str, tasks: Runner, *, resume: str | None, as_json: bool
) -> int:
    from trimtab.cli import local

    # Its end tells runs apart that are started in the same second.
    run_id = resume or f"{config.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    try:
        result = local.run(pipeline, config, output, run_id, resume=resume is not None, runner=tasks)
    except KeyboardInterrupt:
        click.echo(f"go on with the same command and --resume {run_id}", err=True)
        raise
    if as_json:
        click.echo(result.model_dump_json())
    else:
        _print_summary(result)
    for error in result.errors[:1]:
        click.echo(f"error: {error.message}", err=True)
    return exit_code(result)


def _tasks(runner: str, image: str | None) -> Runner:
    if runner == "local":
        from trimtab.cli import processes

        return processes.processes
    from components.image import IMAGE
    from trimtab.cli import docker

    return docker.runner(image or IMAGE)


def _on_kubeflow(
    pipeline: Pipeline,
    config: Config,
    output: str,
    options: dict[str, Any],
    *,
    resume: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    if dry_run:
        from trimtab.cli.kubeflow import locations

        there = locations.for_pods(config, output)
        try:
            seen = _preview(there)
        except TrimtabError:
            seen = None  # a path may be a volume's; the run's first task says what is wrong with it
        _print_plan(pipeline, there, ON_CLUSTER, seen, as_json)
        return 0
    from trimtab.cli.kubeflow.run import run

    return run(pipeline, config, output, options, resume=resume, as_json=as_json)


def _with_target(config: Config, output: str) -> Config:
    """Returns the config with its deployment target resolved."""
    target = config.deploy.target or f"{output}/deployed/{config.name}"
    return config.model_copy(update={"deploy": config.deploy.model_copy(update={"target": target})})


def _preview(config: Config) -> Preview | None:
    from trimtab.cli.temporary import all_temporary
    from trimtab.stages.preview import preview

    with all_temporary():
        return preview(config)


def _print_plan(
    pipeline: Pipeline, config: Config, at_once: int, seen: Preview | None, as_json: bool
) -> None:
    from trimtab.report.records.assemble import left_out
    from trimtab.stages import reach

    tasks = _planned(pipeline, config, at_once)
    if as_json:
        plan = {
            "config": config.model_dump(mode="json"),
            "shards": shards(config, at_once),
            "tasks": [{"name": name} for name in tasks],
            "left_out": [untried.model_dump() for untried in left_out(config)],
            "data": None if seen is None else seen.model_dump(exclude={"reach"}),
            "reach": None if seen is None else [limit.model_dump() for limit in seen.reach],
        }
        click.echo(json.dumps(plan))
    else:
        _print_yaml(config, tasks, seen)
    reach.check(seen.reach if seen else [], config)


def _print_yaml(config: Config, tasks: dict[str, list[str]], seen: Preview | None) -> None:
    import yaml

    from trimtab.report.records.assemble import left_out
    from trimtab.report.words.reach import sentence

    click.echo(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True))
    click.echo("# Tasks, in order")
    for name, branches in tasks.items():
        click.echo(f"# {name:<12} {', '.join(branches)}".rstrip())
    if config.is_searched:
        click.echo("# train searches for the recipes, which are shared out then")
    for untried in left_out(config):
        click.echo(f"# left out: {untried.candidate}: {untried.reason}")
    if seen is None:
        click.echo(
            "# The data were not opened: they are elsewhere, or large; nor was the model tried, or a recipe"
        )
        return
    warnings = (f"warning: {text}" for text in seen.warnings)
    for text in (seen.sentence, *map(sentence, seen.reach), f"not tried: {seen.untried}", *warnings):
        click.echo(f"# {text}")


def _planned(pipeline: Pipeline, config: Config, at_once: int) -> dict[str, list[str]]:
    """Returns the names of the DAG's tasks, as in a run's result, with the branches that each works on."""
    from trimtab.cli.kfp_local import task_order
    from trimtab.config.chains import shard
    from trimtab.config.stages import STAGES

    parts = {
        name: [branch.id for branch in shard(config.branches(), name)] for name in shards(config, at_once)
    }
    tasks: dict[str, list[str]] = {}
    for stage in task_order(pipeline.default):
        in_loop = STAGES[stage].is_sharded
        tasks |= {f"{stage} {part}": ids for part, ids in parts.items()} if in_loop else {stage: []}
    return tasks


def _print_summary(result: Result) -> None:
    from rich.console import Console

    from trimtab.report.table import print_summary

    print_summary(result, Console(file=sys.stdout))
