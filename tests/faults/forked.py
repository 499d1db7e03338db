"""Work in processes of their own, started as a local run starts its tasks: forked, with TensorFlow there."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def start(
    work: Callable[..., Any],
    log: Path,
    *arguments: Any,
    environment: Mapping[str, str] | None = None,
    afresh: bool = False,
    **named: Any,
) -> Any:
    """Starts a process; returns its ``multiprocessing.Process``.

    Args:
        work: A function of a module, which is imported in the process.
        log: What it prints goes here.
        arguments: What it takes.
        environment: Environment variables, beside those of this process.
        afresh: Whether it is not forked: as a local run starts what needs scikit-learn.
        named: What it takes by name.
    """
    context = multiprocessing.get_context("spawn" if afresh else "forkserver")
    context.set_forkserver_preload(["trimtab.cli.preload"])
    given = {**os.environ, **(environment or {})}
    task = context.Process(target=_run, args=(work, log, given, arguments, named))
    task.start()
    return task


def _run(
    work: Callable[..., Any],
    log: Path,
    environment: dict[str, str],
    arguments: tuple[Any, ...],
    named: dict[str, Any],
) -> None:
    # Not the fork server's, which may have begun in a command whose directory for temporary files is gone.
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(handle, descriptor)
    sys.stderr.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    work(*arguments, **named)
