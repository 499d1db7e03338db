"""A server's process: forked, as its imports take more than a second, or one that starts afresh."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

from trimtab.deploy.serving.access import Access
from trimtab.deploy.serving.limits import Limits
from trimtab.deploy.serving.server import serve


class Forked:
    """A forked process, to be used as ``subprocess.Popen``."""

    def __init__(self, process: BaseProcess) -> None:
        assert process.pid is not None
        self._process, self.pid = process, process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, seconds: float | None = None) -> int:
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a forked server", seconds or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def main(target: str, name: str, limits: str, access: str, processes: str, hook: str) -> None:
    """Serves until it is told to end.

    Args:
        target: The URI of the model repository.
        name: The model's name.
        limits: Fields of ``Limits`` as JSON.
        access: Fields of ``Access`` as JSON.
        processes: How many serve.
        hook: Code that is run before, and may replace ``serve``.
    """
    names = {"serve": serve}
    exec(hook, names)
    files = {key: Path(path) for key, path in json.loads(access).items()}
    given = Limits(**json.loads(limits)), Access(**files), int(processes)
    names["serve"](target, "127.0.0.1", 0, name, *given)


if __name__ == "__main__":
    main(*sys.argv[1:])
