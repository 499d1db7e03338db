"""`trimtab methods`: what a recipe can be made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from trimtab.config.catalogue import Entry


@click.command("methods")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> int:
    """Show what a recipe can be made of: passes from Keras to Keras, and the quantizations of each runtime.

    Each with what it needs and with its parameters: default, range, and what is worth a search. The main
    parameter, which {name: value} sets, has a star.
    """
    from trimtab.config.catalogue import catalogue

    entries = catalogue()
    if as_json:
        click.echo(json.dumps([entry.model_dump() for entry in entries], ensure_ascii=False))
    else:
        for gives in dict.fromkeys(entry.gives for entry in entries):
            _print(gives, [entry for entry in entries if entry.gives == gives])
    return 0


def _print(gives: str, entries: Sequence[Entry]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in (f"keras → {gives}", "Parameter", "Default", "Range", "Search"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "Parameter")
    for entry in entries:
        for cells in _rows(entry):
            table.add_row(*(Text(cell) for cell in cells))
    console = Console()
    console.print(table)
    for entry in entries:
        needs = f" Needs {', '.join(entry.needs)}." if entry.needs else ""
        console.print(Text(f"{entry.name}: {entry.summary}{needs} {entry.source}".rstrip()), soft_wrap=True)


def _rows(entry: Entry) -> list[list[str]]:
    """Returns a line a parameter; the first names the method."""
    from trimtab.config.catalogue import in_words

    parameters = [
        [
            f"{parameter.name}{' *' if parameter.main else ''}",
            "null" if parameter.default is None else f"{parameter.default}",
            parameter.range,
            in_words(parameter.search),
        ]
        for parameter in entry.parameters
    ]
    first, *others = parameters or [["", "", "", ""]]
    return [[entry.name, *first], *(["", *cells] for cells in others)]
