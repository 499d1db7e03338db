"""`trimtab compile`: the pipeline as YAML, for a server or for `kubectl apply`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("compile")
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("pipeline.yaml"),
    show_default=True,
    help="Where to write it.",
)
@click.option("--image", metavar="REF", help="The image of every task; name it by its digest.")
@click.option("--manifests", is_flag=True, help="Write Pipeline and PipelineVersion resources for kubectl.")
def command(config: Path | None, output: Path, image: str | None, manifests: bool) -> int:
    """Compile the pipeline, with the resources that the YAML file CONFIG gives its pods.

    Everything else of a config is an argument of the run: one compiled pipeline serves all configs.
    """
    from trimtab.cli.kubeflow.package import compiled
    from trimtab.config.loader import load
    from trimtab.storage import atomic

    if image and "@sha256:" not in image:
        click.echo(f"warning: {image} can change; name it by its digest, as image@sha256:…", err=True)
    text = compiled(load(config) if config else None, image, manifests=manifests)
    atomic.write_bytes(output, text.encode())
    click.echo(output)
    return 0
