"""`trimtab clean`: removes from the store what no run has used for long."""

from __future__ import annotations

import click

_DAY_S = 24 * 3600


@click.command("clean")
@click.option("--output", default="runs", show_default=True, help="Where runs and the store are.")
@click.option(
    "--older-than",
    "days",
    type=click.FloatRange(min=0),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="Keep what was made or used since.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be removed, remove nothing.")
def command(output: str, days: float, dry_run: bool) -> int:
    """Remove prepared data, models and candidates from the store that no run has used for DAYS.

    Runs with their reports stay, and so do deployed models. A run that needs what was removed makes it anew.
    """
    from trimtab.artifacts.sweep import sweep

    swept = sweep(output, days * _DAY_S, dry_run=dry_run)
    for entry in swept if dry_run else ():
        click.echo(f"{entry.ref:<48}  {entry.size_bytes / 1e6:9,.1f} MB")
    said = "would be removed" if dry_run else "removed"
    click.echo(f"{len(swept)} entries, {sum(entry.size_bytes for entry in swept) / 1e6:,.1f} MB: {said}")
    return 0
