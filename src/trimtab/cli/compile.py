"""`trimtab compile`: the pipeline as YAML, for a server or for `kubectl apply`."""

from __future__ import annotations

from pathlib import Path

import click

from trimtab.cli.image_reference import ImageReference
from trimtab.cli.pipeline import NAMES, Name, Pipeline


@click.command("compile")
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option(
    "--output",
    default="pipeline.yaml",
    show_default=True,
    help="The file or URI to write it to; - for standard output.",
)
@click.option(
    "--pipeline", type=click.Choice(NAMES), default="optimize", show_default=True, help="The pipeline."
)
@click.option(
    "--image", type=ImageReference(), metavar="REF", help="The image of every task; name it by its digest."
)
@click.option("--manifests", is_flag=True, help="Write Pipeline and PipelineVersion resources for kubectl.")
def command(
    config: Path | None,
    output: str,
    pipeline: Name,
    image: str | None,
    manifests: bool,
) -> int:
    """Compile a pipeline, with the resources that the YAML file CONFIG gives its pods.

    Everything else of a config is an argument of the run: one compiled pipeline serves all configs.
    """
    from trimtab.cli.kubeflow.package import compiled
    from trimtab.config.loader import load
    from trimtab.storage import store

    if image and "@" not in image:
        click.echo(f"warning: {image} can change; name it by its digest, as image@sha256:…", err=True)
    text = compiled(Pipeline(pipeline), load(config) if config else None, image, manifests=manifests)
    if output == "-":
        click.echo(text, nl=False)
        return 0
    store.write(output, text.encode())
    click.echo(output)
    return 0
