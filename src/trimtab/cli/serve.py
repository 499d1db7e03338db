"""`trimtab serve`: the champion over HTTP."""

from __future__ import annotations

import click


@click.command("serve")
@click.argument("target")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--name", help="The model's name in paths.  [default: the last part of TARGET]")
def command(target: str, host: str, port: int, name: str | None) -> None:
    """Serve the champion of TARGET over HTTP until SIGTERM, and follow it when another one is promoted.

    It speaks the Open Inference Protocol, version 2, and answers raw inputs at /v1/models/NAME:predict.
    """
    from trimtab.deploy.serving.limits import Limits
    from trimtab.deploy.serving.server import serve

    serve(target, host, port, name, Limits())
