"""Runs each task of a DAG as a process of this interpreter.

Importing TensorFlow takes seconds, in every task that trains or converts. Tasks are forked from one process
(`multiprocessing`'s fork server) that imports it while the data is being prepared, and runs nothing itself:
what is forked has TensorFlow's code and none of its state. Those before it start afresh. Latencies are
measured in processes of their own, which are nobody's forks: see ``trimtab.evaluate.worker``.
"""

from __future__ import annotations

import contextlib
import multiprocessing.util
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from trimtab import progress
from trimtab.cli import kfp_local, run_directory
from trimtab.cli.kfp_local import CONTAINER_MODE, Command
from trimtab.cli.pipeline import Pipeline
from trimtab.cli.temporary import temporary
from trimtab.config.stages import STAGES
from trimtab.stages.parent_death import RUNNER

if TYPE_CHECKING:
    from trimtab.config.config import Config

_BEFORE = "data_prep"
_ORDER = list(STAGES)
FORKED = frozenset(_ORDER[_ORDER.index(_BEFORE) + 1 :])
"""The stages that are forked, once there is a process to fork them from."""

_PRELOADED = "trimtab.cli.preload"


@contextlib.contextmanager
def processes(pipeline: Pipeline, config: Config, directory: Path, uri: str) -> Iterator[Any]:  # noqa: ARG001
    """Yields KFP's runner of processes, of which some are forked; it is a `Runner` of `cli.local`."""
    server = _ForkServer(directory / run_directory.LOG, config)
    may_have_nothing_to_do = pipeline.name in STAGES["check_data"].pipelines
    if not may_have_nothing_to_do:
        server.start()

    def run(afresh: Callable[..., int], command: list[str], environment: dict[str, str] | None = None) -> int:
        stage = Command(command).stage
        environment = {**(environment or {}), "TMPDIR": str(scratch), RUNNER: str(os.getpid())}
        if stage == _BEFORE and may_have_nothing_to_do:
            server.start()
        if stage in server.stages:
            return server.run(command, {**os.environ, **environment})
        return int(afresh(command, environment))

    multiprocessing.util.get_temp_dir()  # its own, before ours: the fork server's socket outlives a run
    with (
        # Of what KFP's commands and tasks leave there, nothing is of use after the run.
        temporary() as scratch,
        mock.patch.object(tempfile, "tempdir", str(scratch)),
        kfp_local.processes(run) as runner,
    ):
        yield runner


class _ForkServer:
    """The process that others are forked from.

    Attributes:
        stages: Those that are forked; none before it is started.
    """

    def __init__(self, log: Path, config: Config) -> None:
        self._log, self._config = log, config
        self._context: Any = multiprocessing.get_context("forkserver")
        self.stages: frozenset[str] = frozenset()
        # To start a process, multiprocessing asks all others for their exit codes, each of which can be read
        # once: whoever comes second, as from a thread that waits for one of them, reads a failure (255).
        self._exit_codes = threading.Lock()

    def start(self) -> None:
        """Starts it, and does not wait for what it imports."""
        self._context.set_forkserver_preload([_PRELOADED])
        try:
            runner = {RUNNER: str(os.getpid())}
            with _standard_error_to(self._log), mock.patch.dict(os.environ, runner):
                forkserver.ensure_running()
        except OSError as error:
            # Such as a TMPDIR whose path is too long for its socket.
            reason = f"every task starts afresh, which takes longer: no fork server ({error})"
            progress.say(_BEFORE, reason)
        else:
            self.stages = FORKED - _needing_scikit_learn(self._config)

    def run(self, command: list[str], environment: dict[str, str]) -> int:
        """Runs one task to its end, writes what it writes, and returns its exit code."""
        reader, writer = self._context.Pipe(duplex=False)
        task = self._context.Process(target=_execute, args=(command, environment, str(Path.cwd()), writer))
        with self._exit_codes:
            task.start()
        writer.close()
        with os.fdopen(os.dup(reader.fileno()), encoding="utf-8", errors="replace") as lines:
            for line in lines:
                print(line, end="")
        reader.close()
        wait([task.sentinel])
        with self._exit_codes:
            task.join()
        return int(task.exitcode)


@contextlib.contextmanager
def _standard_error_to(log: Path) -> Iterator[None]:
    """Lets a process that starts in the block write there: importing TensorFlow says what no user asked."""
    before, handle = os.dup(2), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(handle, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(handle)


def _needing_scikit_learn(config: Config) -> set[str]:
    """Returns the stages that must start afresh, as scikit-learn is not preloaded."""
    return {"tune"} if config.searches_by_scikit_learn else set()


def _execute(command: list[str], environment: dict[str, str], directory: str, output: Connection) -> None:
    """Does in the forked process what KFP's shell command does in a new one."""
    for descriptor in (1, 2):
        os.dup2(output.fileno(), descriptor)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update({**environment, CONTAINER_MODE: "true"})
    tempfile.tempdir = None  # it is found again, in this environment
    os.chdir(directory)
    Command(command).execute()
