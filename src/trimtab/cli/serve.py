"""`trimtab serve`: the champion over HTTP."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("serve")
@click.argument("target")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--name", help="The model's name in paths.  [default: the last part of TARGET]")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that share the port.",
)
@click.option(
    "--token-file", type=click.Path(path_type=Path), help="A file with the token that requests must have."
)
@click.option("--tls-cert", type=click.Path(path_type=Path), help="A PEM file with the certificate, for TLS.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="A PEM file with its private key.")
@click.option("--version", type=click.IntRange(min=1), help="Serve this one, whoever is the champion.")
def command(
    target: str,
    host: str,
    port: int,
    name: str | None,
    processes: int,
    token_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    version: int | None,
) -> None:
    """Serve the champion of TARGET over HTTP until SIGTERM, and follow it when another one is promoted.

    It speaks the Open Inference Protocol, version 2, and answers raw inputs at /v1/models/NAME:predict.
    """
    from trimtab.deploy.addressed import repository_and_version
    from trimtab.deploy.serving.access import Access
    from trimtab.deploy.serving.limits import Limits
    from trimtab.deploy.serving.server import serve

    target, version = repository_and_version(target, version)
    access = Access(token_file, tls_cert, tls_key)
    serve(target, host, port, name, Limits(), access, processes, version)
