"""Several processes that serve on one port, and one that keeps them going."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from trimtab.deploy.serving.log import JsonLog

_AGAIN_S = 1.0
"""Pause before a process that ended by itself is started again."""
_LOOK_S = 0.5

Work = Callable[[socket.socket, Path], None]


def supervise(work: Work, listener: socket.socket, processes: int, log: JsonLog) -> None:
    """Runs processes until SIGTERM or SIGINT, which they all get; one that ends by itself is started again.

    They are new processes, not forks: what the runtimes need is loaded in each.

    Args:
        work: What each does until it is told to end: serves on the socket, and meets the others in a folder.
        listener: The socket that all of them take connections from.
        processes: How many.
        log: Where it is told that one has ended.
    """
    context, leaving = multiprocessing.get_context("spawn"), threading.Event()
    with tempfile.TemporaryDirectory(prefix="trimtab-serve-") as directory:

        def start() -> BaseProcess:
            process = context.Process(target=work, args=(listener, Path(directory)))
            process.start()
            return process

        running = [start() for _ in range(processes)]

        def leave(number: int, _: object) -> None:
            leaving.set()
            for process in running:
                _signal(process, number)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, leave)
        while running:
            wait([process.sentinel for process in running], _LOOK_S)
            if leaving.is_set():
                listener.close()  # it is open as long as one has it
            for ended in [process for process in running if not process.is_alive()]:
                running.remove(ended)
                if not leaving.is_set():
                    log.event("process_ended", pid=ended.pid, exit_code=ended.exitcode)
                    leaving.wait(_AGAIN_S)
                if not leaving.is_set():
                    running.append(start())
                    if leaving.is_set():  # meanwhile
                        _signal(running[-1], signal.SIGTERM)


def _signal(process: BaseProcess, number: int) -> None:
    if process.is_alive() and process.pid is not None:
        os.kill(process.pid, number)
