"""`--force --reason`: what comes out is deployed, whatever the model in service is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from trimtab.cli.pipeline import Name, Pipeline


def force_options(help_text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns what adds both options to a command.

    Args:
        help_text: What is forced.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        reason = click.option(
            "--reason", metavar="TEXT", help="Why it is forced; kept in the history of the champion."
        )
        return click.option("--force", is_flag=True, help=help_text)(reason(command))

    return add


def pipeline(name: Name, force: bool, reason: str | None) -> Pipeline:
    """Returns a pipeline, forced by this user if they say so and why.

    Raises:
        UsageError: If only one of both is given.
    """
    if force != bool(reason and reason.strip()):
        raise click.UsageError("--force needs --reason, and --reason needs --force")
    if not force:
        return Pipeline(name)
    from trimtab.deploy.identity import who

    return Pipeline(name, forced_by=who(), forced_reason=str(reason).strip())
