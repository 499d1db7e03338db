"""What is said when a model registry is told of a champion that somebody chose."""

from __future__ import annotations

import click


def announce(target: str) -> None:
    """Tells the registry that the champion of a repository names; that it cannot be told is a warning."""
    from trimtab.deploy import kubeflow_hub
    from trimtab.errors import TrackingError

    try:
        if hub := kubeflow_hub.announce(target):
            click.echo(f"it is registered as live at {hub}")
    except TrackingError as error:
        click.echo(f"warning: {error.describe()}", err=True)
