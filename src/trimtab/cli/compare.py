"""`trimtab compare`: several runs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from trimtab.report.across import Across


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--output", default="runs", show_default=True, help="Where runs are.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--html", metavar="FILE", type=click.Path(dir_okay=False), help="Write a page to this file, too."
)
def command(runs: tuple[str, ...], output: str, as_json: bool, html: str | None) -> int:
    """Show what each RUN chose, what that costs, and in what their configs differ.

    RUN is the id of a run, or the path or URI of its directory.
    """
    from pathlib import Path

    from trimtab.cli import run_directory
    from trimtab.cli.results import read_result
    from trimtab.report.across import across
    from trimtab.storage import atomic

    results = [read_result(run_directory.named(run, output)) for run in runs]
    comparison = across(results)
    if html is not None:
        from trimtab.report.html.across import render

        atomic.write_bytes(Path(html), render(results, comparison).encode())
    if as_json:
        click.echo(comparison.model_dump_json())
    else:
        _print(comparison)
    return 0


def _print(comparison: Across) -> None:
    from rich.console import Console
    from rich.text import Text

    from trimtab.report.across import HEADINGS, cells
    from trimtab.report.words.numbers import ABSENT

    console = Console()
    for run in comparison.runs:
        style = "bold red" if run.status == "failed" else "bold"
        console.print(Text(f"{run.run_id}: {run.told}", style=style))
        told = zip(HEADINGS[2:], cells(run)[2:], strict=True)
        console.print(Text(f"  {', '.join(f'{name} {cell}' for name, cell in told if cell != ABSENT)}"))
    if comparison.differences:
        console.print(Text("\nIn what their configs differ", style="bold"))
    for name, values in comparison.differences.items():
        console.print(Text(f"  {name}: {' | '.join(_short(value) for value in values)}"))
    for caution in comparison.cautions:
        console.print(Text.assemble(("note: ", "bold yellow"), caution))


def _short(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
