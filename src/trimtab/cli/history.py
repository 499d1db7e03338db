"""`trimtab history`: every version of a model repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from trimtab.deploy.history import History, Version
    from trimtab.deploy.moves import Promotion

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
    from trimtab.deploy.addressed import repository_and_version
    from trimtab.deploy.history import history

    past = history(repository_and_version(target)[0])
    if as_json:
        click.echo(past.model_dump_json())
    else:
        _print(past)
    return 0


def _print(past: History) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in ("Version", "Champion", "Candidate", "Runtime", "Quality", "ms", "kB"):
        is_text = heading in ("Champion", "Candidate", "Runtime")
        justify: Literal["left", "right"] = "left" if is_text else "right"
        table.add_column(heading, justify=justify, no_wrap=heading != "Candidate", overflow="fold")
    for version in past.versions:
        table.add_row(*(Text(cell) for cell in _cells(version)), style=STATES[version.state][1])
    console.print(table)
    for move in past.moves:
        console.print(Text(_told(move)), soft_wrap=True)
    champion = f"Version {past.champion} is the champion" if past.champion is not None else "No champion"
    console.print(Text(f"{champion} at {past.uri}", style="bold"), soft_wrap=True)
    if past.problem:
        console.print(Text(past.problem, style="bold red"), soft_wrap=True)


def _cells(version: Version) -> list[str]:
    from trimtab.artifacts.evaluation import HeadlineValue
    from trimtab.report.words import numbers

    headline = HeadlineValue.among(version.metrics)
    is_usual = headline is None or headline.unit == "points"
    quality = f"{'' if is_usual else f'{numbers.heading(headline)} '}{numbers.quality(headline)}"
    cost = [numbers.milliseconds(version.latency_ms), numbers.kilobytes(version.size_bytes)]
    model = [version.candidate or numbers.ABSENT, version.runtime or numbers.ABSENT]
    return [str(version.version), STATES[version.state][0], *model, quality, *cost]


def _told(move: Promotion) -> str:
    """Returns a move of the pointer in one line."""
    when, forced = move.at[:16].replace("T", " "), ", forced" if move.forced else ""
    reason = f": {move.reason}" if move.reason else ""
    return f"{when}  {move.action:<8}  {move.version:>4}  by {move.by}{forced}{reason}"
