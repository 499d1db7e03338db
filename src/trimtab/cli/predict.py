"""`trimtab predict`: the deployed model's answers for a file."""

from __future__ import annotations

import json

import click


@click.command("predict")
@click.argument("target")
@click.option(
    "--input",
    "source",
    required=True,
    help="A csv, parquet, npz, image or wav file, a folder, or a pattern such as 'new/*.png'.",
)
@click.option("--version", "version", type=int, help="A version other than the champion.")
@click.option("--output", help="Write the lines to this file or URI instead of to stdout.")
@click.option("--files", help="Write masks to this directory or URI, and their names into the lines.")
def command(target: str, source: str, version: int | None, output: str | None, files: str | None) -> int:
    """Predict with the model deployed at TARGET: one JSON object a row, in the order of the input.

    The preprocessing that was fitted in training is applied to the raw rows.
    """
    from trimtab.deploy.addressed import repository_and_version
    from trimtab.deploy.answered_files import written
    from trimtab.deploy.predict import predict
    from trimtab.storage import store

    target, version = repository_and_version(target, version)
    answers = predict(target, source, version=version)
    rows = answers if files is None else written(answers, files)
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    if output:
        store.write(output, "".join(f"{line}\n" for line in lines).encode())
        return 0
    for line in lines:
        click.echo(line)
    return 0
