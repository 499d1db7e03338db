"""`trimtab promote`: another version becomes the champion."""

from __future__ import annotations

import click

from trimtab.cli.registering import announce


@click.command("promote")
@click.argument("target")
@click.argument("version", type=click.IntRange(min=1))
@click.option("--reason", default="", help="Why, for `trimtab history`.")
def command(target: str, version: int, reason: str) -> int:
    """Make VERSION of the model repository TARGET the champion, which is the model that is served.

    A fresh process must load it and repeat its stored predictions first. A damaged champion.json is replaced.
    """
    from trimtab.deploy.addressed import repository_and_version
    from trimtab.deploy.switch import promote

    target, _ = repository_and_version(target)
    switch = promote(target, version, reason=reason)
    if not switch.moved:
        click.echo(f"version {version} already is the champion at {switch.uri}; nothing was done")
        announce(target)
        return 0
    if switch.repaired:
        click.echo("champion.json was damaged and is replaced; which champions there were before is lost")
    before = f"; before it was version {switch.previous}" if switch.previous is not None else ""
    click.echo(f"version {version} is the champion at {switch.uri}{before}")
    announce(target)
    return 0
