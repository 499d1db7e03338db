"""`trimtab history`: every version of a model repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from trimtab.deploy.history import History, Version
    from trimtab.deploy.repository import Promotion

STATES = {
    "champion": ("now", "bold green"),
    "former": ("was", ""),
    "never": ("never was", ""),
    "missing": ("gone", "dim"),
    "damaged": ("damaged", "red"),
    "unknown": ("unknown", ""),
}


@click.command("history")
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(target: str, as_json: bool) -> int:
    """Show every version of the model repository TARGET, also those that never were the champion.

    For each: what it is, and when, by whom and why it was promoted. Its quality is that on its own test data.
    """
    from trimtab.deploy.history import history

    found = history(target)
    if as_json:
        click.echo(found.model_dump_json())
    else:
        _print(found)
    return 0


def _print(found: History) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in ("Version", "Champion", "Candidate", "Runtime", "Quality", "ms", "KB"):
        is_text = heading in ("Champion", "Candidate", "Runtime")
        justify: Literal["left", "right"] = "left" if is_text else "right"
        table.add_column(heading, justify=justify, no_wrap=heading != "Candidate", overflow="fold")
    for one in found.versions:
        table.add_row(*(Text(cell) for cell in _cells(one)), style=STATES[one.state][1])
    console.print(table)
    for move in found.moves:
        console.print(Text(_told(move)), soft_wrap=True)
    champion = f"Version {found.champion} is the champion" if found.champion is not None else "No champion"
    console.print(Text(f"{champion} at {found.uri}", style="bold"), soft_wrap=True)
    if found.problem:
        console.print(Text(found.problem, style="bold red"), soft_wrap=True)


def _cells(one: Version) -> list[str]:
    from trimtab.artifacts.evaluation import HeadlineValue
    from trimtab.report.words import numbers

    found = HeadlineValue.among(one.metrics)
    is_usual = found is None or found.unit == "points"
    quality = f"{'' if is_usual else f'{numbers.heading(found)} '}{numbers.quality(found)}"
    cost = [numbers.milliseconds(one.latency_ms), numbers.kilobytes(one.size_bytes)]
    model = [one.candidate or numbers.ABSENT, one.runtime or numbers.ABSENT]
    return [str(one.version), STATES[one.state][0], *model, quality, *cost]


def _told(move: Promotion) -> str:
    """Returns a move of the pointer in one line."""
    when, forced = move.at[:16].replace("T", " "), ", forced" if move.forced else ""
    reason = f": {move.reason}" if move.reason else ""
    return f"{when}  {move.action:<8}  {move.version:>4}  by {move.by}{forced}{reason}"
