"""`trimtab verify`: the proof of a deployed version, computed again."""

from __future__ import annotations

import click


@click.command("verify")
@click.argument("target")
@click.option("--version", type=click.IntRange(min=1), help="A version; the champion by default.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(target: str, version: int | None, as_json: bool) -> int:
    """Compute every number of the proof of a model in the repository TARGET again, from that version alone.

    It needs neither the data nor the run: the answers that were tested, the labels, the order and the limits
    are stored with the version. A number that is another one is an error which names it.
    """
    from trimtab.stages.verifying import verify

    found = verify(target, version)
    if as_json:
        click.echo(found.model_dump_json())
        return 0
    what = "proof" if found.proven else "estimate"
    click.echo(
        f"version {found.version}, {found.candidate}: all {found.numbers} numbers of its {what} are what "
        f"{found.examples:,} test examples say ({found.tests} tests were made again)"
    )
    return 0
