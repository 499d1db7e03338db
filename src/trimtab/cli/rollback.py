"""`trimtab rollback`: the champion before becomes the champion again."""

from __future__ import annotations

import click

from trimtab.cli.registering import announce


@click.command("rollback")
@click.argument("target")
@click.option("--reason", default="", help="Why, for `trimtab history`.")
def command(target: str, reason: str) -> int:
    """Make the champion before the present one the champion of the model repository TARGET again.

    Called twice, it goes back two champions. A fresh process must load the version and repeat its stored
    predictions first. No version is removed: `trimtab promote` goes forward again.
    """
    from trimtab.deploy.addressed import repository_and_version
    from trimtab.deploy.switch import rollback

    target, _ = repository_and_version(target)
    switch = rollback(target, reason=reason)
    click.echo(
        f"version {switch.version} is the champion again at {switch.uri}; before it was {switch.previous}"
    )
    announce(target)
    return 0
