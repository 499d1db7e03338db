"""The options by which a command finds its server; nothing heavy is imported for ``--help``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from trimtab.cli.kubeflow.connection import Connection

_OPTIONS = (
    click.option("--host", metavar="URL", help="The Kubeflow Pipelines server. [env: TRIMTAB_KFP_HOST]"),
    click.option("--namespace", help="The namespace of your profile. [env: TRIMTAB_KFP_NAMESPACE]"),
    click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        help="A file with a bearer token, read for each request. [env: TRIMTAB_KFP_TOKEN_FILE]",
    ),
    click.option(
        "--token", help="The token itself; others on this machine can see it. [env: TRIMTAB_KFP_TOKEN]"
    ),
    click.option(
        "--profile",
        metavar="NAME",
        help="A profile of ~/.config/trimtab/kubeflow.yaml instead of the one called default.",
    ),
)
NAMES = ("host", "namespace", "token_file", "token", "profile")


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options to a command; ``connect`` takes their values."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def connect(options: dict[str, Any]) -> Connection:
    """Returns the connection that a command's options, the environment and the profile describe.

    Args:
        options: The values of the command's options; those of the connection are taken out.

    Raises:
        ConfigError: If no server is named, or the profile cannot be read.
        ClusterError: If it cannot be reached, or is no such server.
        LoginError: If it refuses the login.
    """
    from trimtab.cli.kubeflow.connection import Connection
    from trimtab.cli.kubeflow.settings import resolve

    return Connection(resolve(**{name: options.pop(name) for name in NAMES}))
