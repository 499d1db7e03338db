"""`trimtab rows`: which rows a run trained, chose and tested on."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from itertools import chain
from typing import IO, TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trimtab.data.dataset.origins import Origin

SPLITS = ("train", "validation", "test")


@click.command("rows")
@click.argument("run")
@click.option(
    "--split", type=click.Choice(SPLITS), default="test", show_default=True, help="Which rows to list."
)
@click.option("-o", "--to", metavar="FILE", help="A file or gs:// URI for the CSV, in the place of stdout.")
@click.option("--output", default="runs", show_default=True, help="Where runs are.")
def command(run: str, split: str, to: str | None, output: str) -> int:
    """Write which rows RUN was tested on as CSV, so that another model can be compared on them.

    RUN is the id of a run, or the path or gs:// URI of its directory. Each row: source, row (from 1, without
    headers; empty where the source is a file a row), hash of its inputs, label. With data.test.folds,
    test rows are those of all folds, and have the fold's number; the others are the first fold's.
    """
    from trimtab.cli import run_directory
    from trimtab.stages.origins import origins

    blocks = origins(run_directory.named(run, output), split)
    if to is None:
        _write(blocks, sys.stdout)
        return 0
    from trimtab.storage import store

    content = io.StringIO()
    _write(blocks, content)
    store.write(to, content.getvalue().encode())
    return 0


def _write(origins: Iterator[list[Origin]], file: IO[str]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    blocks = filter(None, origins)
    first = next(blocks, [])
    has_folds = any(each.fold for each in first)
    writer.writerow(["source", "row", "hash", "label", *(["fold"] if has_folds else [])])
    for each in chain(first, chain.from_iterable(blocks)):
        fold = [each.fold] if has_folds else []
        writer.writerow([each.source, each.row or "", each.hash, each.label, *fold])
