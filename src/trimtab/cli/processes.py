"""Runs each task of a DAG as a process of this interpreter.

Importing TensorFlow takes seconds, in every task that trains or converts. Those tasks are forked from one
process (`multiprocessing`'s fork server) that imports it while the data is being prepared, and runs nothing
itself: what is forked has TensorFlow's code and none of its state. Tasks of other stages, such as the one
that measures latencies, start afresh.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from trimtab import progress
from trimtab.cli import run_directory
from trimtab.config.stages import STAGES

if TYPE_CHECKING:
    from trimtab.config.config import Config

FORKED = frozenset(name for name, stage in STAGES.items() if stage.needs_tensorflow or stage.is_sharded)
"""The stages that import TensorFlow, and the short ones between them."""

_BEFORE = "data_prep"
_PRELOADED = "trimtab.cli.preload"
_INPUT, _FUNCTION = "--executor_input", "--function_to_execute"


@contextlib.contextmanager
def processes(config: Config, directory: Path, uri: str) -> Iterator[Any]:  # noqa: ARG001 - a `Runner`
    """Yields KFP's runner of processes, of which some are forked."""
    from kfp import local
    from kfp.local import subprocess_task_handler

    start = subprocess_task_handler.run_local_subprocess
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PRELOADED])
    forked = set(FORKED - _needing_scikit_learn(config))

    def run(full_command: list[str], env_vars: dict[str, str] | None = None) -> int:
        stage = full_command[full_command.index(_FUNCTION) + 1]
        if stage in forked:
            return _run_forked(context, full_command, {**os.environ, **(env_vars or {})})
        if stage == _BEFORE:
            try:
                with _standard_error_to(directory / run_directory.LOG):
                    forkserver.ensure_running()
            except OSError as error:
                # Such as a TMPDIR whose path is too long for its socket.
                progress.say(
                    _BEFORE, f"every task starts afresh, which takes longer: no fork server ({error})"
                )
                forked.clear()
        return int(start(full_command, env_vars))

    with mock.patch.object(subprocess_task_handler, "run_local_subprocess", run):
        yield local.SubprocessRunner(use_venv=False)


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
    return {"tune"} if config.tune and config.tune.algorithm == "bayesian" else set()


def _run_forked(context: Any, command: list[str], environment: dict[str, str]) -> int:
    """Runs one task to its end, writes what it writes, and returns its exit code."""
    reader, writer = context.Pipe(duplex=False)
    task = context.Process(target=_execute, args=(command, environment, str(Path.cwd()), writer))
    task.start()
    writer.close()
    with os.fdopen(os.dup(reader.fileno()), encoding="utf-8", errors="replace") as lines:
        for line in lines:
            print(line, end="")
    reader.close()
    task.join()
    return int(task.exitcode)


def _execute(command: list[str], environment: dict[str, str], directory: str, output: Connection) -> None:
    """Does in the forked process what KFP's shell command does in a new one."""
    for descriptor in (1, 2):
        os.dup2(output.fileno(), descriptor)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update({**environment, "_KFP_RUNTIME": "true"})
    os.chdir(directory)
    from kfp.dsl.executor_main import executor_main

    arguments = command.index(_INPUT)
    with tempfile.TemporaryDirectory() as temporary:
        component = Path(temporary, "ephemeral_component.py")
        component.write_text(command[arguments - 1], encoding="utf-8")
        sys.argv = [str(component), "--component_module_path", str(component), *command[arguments:]]
        executor_main()
