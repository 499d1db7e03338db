"""`trimtab export`: a deployed version as a SavedModel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trimtab.deploy.export import Exported


@click.command("export")
@click.argument("target")
@click.option("--version", type=click.IntRange(min=1), help="A version other than the champion.")
@click.option("--output", required=True, help="A directory or URI; the export goes to OUTPUT/<version>.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(target: str, version: int | None, output: str, as_json: bool) -> int:
    """Export the model deployed at TARGET as a SavedModel for TensorFlow Serving.

    A fresh process without Keras must repeat the Keras model's outputs before anything is written.
    A quantized model is exported in floats, as its 8-bit kernels exist in its runtime alone.
    """
    from trimtab.deploy.addressed import repository_and_version
    from trimtab.deploy.export import export

    target, version = repository_and_version(target, version)
    uri, exported = export(target, output, version)
    if as_json:
        click.echo(exported.model_dump_json())
        return 0
    click.echo(f"version {exported.version} is a SavedModel at {uri}")
    for line in _told(exported):
        click.echo(f"  {line}")
    return 0


def _told(exported: Exported) -> list[str]:
    shape = ", ".join(["batch", *map(str, exported.input_shape)])
    inputs = "; ".join(f"{name} {each}" for name, each in exported.inputs.items())
    told = [
        f"serving_default: {inputs or f'inputs {exported.input_dtype} ({shape})'} -> "
        f"outputs float32 (batch, {exported.outputs})",
        f"plain TensorFlow answers as Keras does: largest difference {exported.difference:.2g} "
        f"on {exported.examples} golden examples",
    ]
    if exported.as_float:
        told.append(f"{exported.candidate} is quantized; this is the float model that it was made from")
    told.append(
        f"its outputs differ from the deployed file's by at most {exported.deployed_difference:.2g} there"
    )
    return told
