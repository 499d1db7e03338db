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
    from trimtab.deploy.addressed import repository_and_version
    from trimtab.stages.verifying import verify

    target, version = repository_and_version(target, version)
    verified = verify(target, version)
    if as_json:
        click.echo(verified.model_dump_json())
        return 0
    what = "proof" if verified.proven else "estimate"
    click.echo(
        f"version {verified.version}, {verified.candidate}: all {verified.numbers} numbers of its {what} are "
        f"what {verified.examples:,} test examples say ({verified.tests} tests were made again)"
    )
    return 0
