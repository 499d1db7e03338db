"""`trimtab tensorboard`: the logs of runs in TensorBoard."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from trimtab.storage.follow import Follower

_EVERY_SECONDS = 15.0


@click.command("tensorboard", context_settings={"ignore_unknown_options": True})
@click.argument("run", required=False)
@click.option("--output", default="runs", show_default=True, help="Where runs are.")
@click.option("--host", default="localhost", show_default=True, help="The address to listen on.")
@click.option("--port", type=int, default=6006, show_default=True)
@click.option("--wait", is_flag=True, help="Serve although there are no logs yet.")
def command(run: str | None, output: str, host: str, port: int, wait: bool) -> None:
    """Serve the logs of RUN, or of all runs, until Ctrl-C.

    RUN is the id of a run, or the path or URI of its directory. Logs in an object store are copied to a
    temporary directory, again and again.
    """
    from trimtab.cli import run_directory
    from trimtab.errors import ConfigError
    from trimtab.storage.objects.location import is_remote

    logs = f"{run_directory.named(run, output)}/tensorboard" if run else output
    missing = ConfigError("there are no logs here", path=logs, hint="Run `trimtab run CONFIG.yaml` first.")
    if not is_remote(logs):
        if not Path(logs).is_dir() and not wait:
            raise missing
        os.execv(sys.executable, _tensorboard(logs, host, port))
    from trimtab.storage.follow import Follower

    with tempfile.TemporaryDirectory(prefix="trimtab-") as directory:
        follower = Follower(logs, Path(directory), _is_log)
        if not follower.update() and not wait:
            raise missing
        _serve(follower, _tensorboard(directory, host, port))


def _is_log(name: str) -> bool:
    return "tfevents" in name.rpartition("/")[2]


def _tensorboard(logs: str, host: str, port: int) -> list[str]:
    served = ["--logdir", logs, "--host", host, "--port", str(port)]
    return [sys.executable, "-m", "tensorboard.main", *served]


def _serve(follower: Follower, arguments: list[str]) -> None:
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
                follower.update()
            except TrimtabError as error:
                progress.say("tensorboard", f"the logs are updated later: {error}")
    finally:
        process.terminate()
        process.wait()
