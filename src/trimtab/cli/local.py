"""Runs a pipeline by `kfp.local`: a process or a container per task on one machine, no cluster.

It is the very pipeline object that is compiled for a cluster. KFP's own output goes to `run.log` in the run's
directory; the progress lines of the stages in it are shown as they come.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO
from unittest import mock

from trimtab import preemption, progress
from trimtab.cli import kfp_local, run_directory
from trimtab.cli.pipeline import Pipeline
from trimtab.cli.processes import processes
from trimtab.cpus import cpus
from trimtab.errors import ArtifactError, TrimtabError
from trimtab.report.result import Result
from trimtab.storage.store import open_store
from trimtab.storage.volumes import POD_NAME

if TYPE_CHECKING:
    from trimtab.config.config import Config

_POLL_SECONDS = 0.05

Runner = Callable[[Pipeline, "Config", Path, str], AbstractContextManager[Any]]
"""From the pipeline, the config, a run's local directory, and its URI to one of KFP's local runners."""


def run(
    pipeline: Pipeline,
    config: Config,
    output: str,
    run_id: str,
    *,
    resume: bool,
    runner: Runner = processes,
) -> Result:
    """Runs every task of the DAG and returns the outcome.

    Args:
        pipeline: The pipeline, and its arguments that are not in the config.
        config: The resolved config.
        output: The URI of the directory that holds the runs' directories.
        run_id: The name of the run's directory.
        resume: Whether to go on from the checkpoints of an earlier, stopped process.
        runner: What runs the tasks.

    Returns:
        The outcome, as in the run's `result.json`.

    Raises:
        ConfigError: If the run's directory cannot be used; see `run_directory.opened`.
        StorageError: If it cannot be reached.
        TrimtabError: If a task died without leaving a record.
    """
    uri = f"{output.rstrip('/')}/{run_id}"
    with (
        run_directory.opened(uri, pipeline.name, config, resume=resume) as directory,
        _environment(),
        _progress(directory / run_directory.LOG),
        runner(pipeline, config, directory, uri) as tasks,
        kfp_local.at_once(cpus()),
    ):
        arguments = pipeline.arguments(config, output, at_once=cpus())
        root = directory / run_directory.KFP
        failed_task = kfp_local.run(pipeline.default, arguments, tasks, run_id=run_id, root=root)
    return _result(uri, failed_task)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Sets what the tasks' processes inherit, for the time of the run."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    # A file of the directory that the run is started from, named like a module, is not one.
    changed = {"PATH": path, "KERAS_BACKEND": "tensorflow", "PYTHONSAFEPATH": "1"}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    with (
        mock.patch.dict(os.environ, {**quiet, **os.environ, **changed}),
        kfp_local.interpreter("python3"),
        _terminated_as_interrupted(),
    ):
        os.environ.pop(POD_NAME, None)  # in a task of Kubeflow's, these are not its tasks
        yield


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Lets SIGTERM stop the run like Ctrl-C does, and both stop the tasks' processes first."""

    def stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signal module's signature
        _stop_children()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except KeyboardInterrupt:
        _stop_children()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_children() -> None:
    """Tells all processes below this one to stop, and gives them the time to save their work."""
    running = _below()
    for child in running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)
    end = time.monotonic() + preemption.SAVE_SECONDS + preemption.LAST_WORD_SECONDS
    while any(map(_heeds, running & _parents().keys())) and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)


def _below() -> set[int]:
    """Returns the processes below this one."""
    parents = _parents()
    tree = {os.getpid()}
    while new := {child for child, parent in parents.items() if parent in tree} - tree:
        tree |= new
    return tree - {os.getpid()}


def _heeds(process: int) -> bool:
    """Returns whether a process may end by SIGTERM: multiprocessing's resource tracker ignores it."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text()
        ignored = next(line for line in status.splitlines() if line.startswith("SigIgn:"))
        return not int(ignored.split()[1], 16) >> (signal.SIGTERM - 1) & 1
    return False


def _parents() -> dict[int, int]:
    """Returns the parent of every process that has not ended."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = stat.read_text()
            state, parent = text.rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(text.partition(" ")[0])] = int(parent)
    return parents


class _Filter(io.TextIOBase):
    """Writes everything to the log, and the stages' progress lines to the terminal too."""

    def __init__(self, log: TextIO, terminal: TextIO) -> None:
        self._log, self._terminal, self._start = log, terminal, time.monotonic()

    def write(self, text: str) -> int:
        self._log.write(text)
        self._log.flush()
        for line in text.splitlines():
            _, prefix, said = line.partition(progress.PREFIX)
            if prefix:
                stage, _, rest = said.partition(" | ")
                self._terminal.write(progress.line(time.monotonic() - self._start, stage, rest))
                self._terminal.flush()
        return len(text)


@contextlib.contextmanager
def _progress(log: Path) -> Iterator[None]:
    with log.open("a", encoding="utf-8") as file:
        stream = _Filter(file, sys.stderr)
        with (
            kfp_local.logging_restored(),
            contextlib.redirect_stdout(stream),
            contextlib.redirect_stderr(stream),
            warnings.catch_warnings(),
        ):
            # KFP warns that the image's name holds no "python"; a process needs no image.
            warnings.simplefilter("ignore")
            yield


def _result(uri: str, failure: str | None) -> Result:
    log = f"See {uri}/{run_directory.LOG}"
    content = open_store(uri).read("result.json")
    if content is None:
        raise TrimtabError(failure or "no report was written", path=uri, hint=f"{log}.")
    try:
        result = Result.model_validate_json(content)
    except ValueError as error:
        raise ArtifactError(f"is damaged: {error}", path=f"{uri}/result.json") from None
    if failure and not result.errors:
        raise TrimtabError(
            f"a task died without a word, as when memory runs out: {failure}",
            path=uri,
            hint=f"{log}; go on with --resume {uri.rpartition('/')[2]}.",
        )
    return result
