"""`trimtab tensorboard`: the logs of runs in TensorBoard."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from trimtab.cli.logs_view import LogsView

_EVERY_SECONDS = 10.0


@click.command("tensorboard", context_settings={"ignore_unknown_options": True})
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option("--output", default="runs", show_default=True, help="Where runs are.")
@click.option("--host", default="localhost", show_default=True, help="The address to listen on.")
@click.option("--port", type=int, default=6006, show_default=True)
@click.option("--wait", is_flag=True, help="Serve although there are no logs yet.")
def command(runs: tuple[str, ...], output: str, host: str, port: int, wait: bool) -> None:
    """Serve the logs of each RUN, or of all runs, until Ctrl-C.

    RUN is the id of a run, or the path or URI of its directory. New runs are shown as they begin. Logs in an
    object store are copied to a temporary directory, again and again.
    """
    from trimtab.cli import run_directory
    from trimtab.cli.logs_view import LogsView
    from trimtab.errors import ConfigError

    asked = [run_directory.named(run, output) for run in runs]
    with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
        view = LogsView(Path(temporary), asked, output)
        view.update()
        if (missing := view.missing()) and not wait:
            raise ConfigError(
                "there are no logs here", path=missing, hint="Run `trimtab run CONFIG.yaml` first."
            )
        _serve(view, _tensorboard(str(view.directory), host, port))


def _tensorboard(logs: str, host: str, port: int) -> list[str]:
    served = ["--logdir", logs, "--host", host, "--port", str(port)]
    return [sys.executable, "-m", "tensorboard.main", *served]


def _serve(view: LogsView, arguments: list[str]) -> None:
    """Runs TensorBoard to its end, and keeps what it shows up to date."""
    from trimtab import progress
    from trimtab.errors import TrimtabError

    def stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - the signal module's signature
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    process = subprocess.Popen(arguments)
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                sys.exit(process.wait(_EVERY_SECONDS))
            try:
                view.update()
            except TrimtabError as error:
                progress.say("tensorboard", f"the logs are updated later: {error}")
    finally:
        process.terminate()
        process.wait()
