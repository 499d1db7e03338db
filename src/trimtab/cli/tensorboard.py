"""`trimtab tensorboard`: the logs of runs in TensorBoard."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


@click.command("tensorboard", context_settings={"ignore_unknown_options": True})
@click.argument("run", required=False)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Where runs are.",
)
@click.option("--port", type=int, default=6006, show_default=True)
def command(run: str | None, output: Path, port: int) -> None:
    """Serve the logs of RUN, or of all runs, until Ctrl-C."""
    from trimtab.errors import ConfigError

    logs = output / run / "tensorboard" if run else output
    if not logs.is_dir():
        raise ConfigError(
            "there are no logs here", path=str(logs), hint="Run `trimtab run CONFIG.yaml` first."
        )
    arguments = ["-m", "tensorboard.main", "--logdir", str(logs), "--port", str(port)]
    os.execv(sys.executable, [sys.executable, *arguments])
