"""Stages in processes of their own, started as a local run does it: forked, with TensorFlow imported."""

from __future__ import annotations

import multiprocessing
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def start(stage: str, log: Path, environment: dict[str, str], **arguments: str) -> Any:
    """Starts a stage; returns its ``multiprocessing.Process``.

    Args:
        stage: The stage's name.
        log: What it prints goes here.
        environment: Its environment variables, beside those of this process.
        arguments: What ``run`` of the stage takes.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["trimtab.cli.preload"])
    task = context.Process(target=_run, args=(stage, log, {**os.environ, **environment}, arguments))
    task.start()
    return task


def _run(stage: str, log: Path, environment: dict[str, str], arguments: dict[str, str]) -> None:
    os.environ.update(environment)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(handle, descriptor)
    sys.stderr.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    import_module(f"trimtab.stages.{stage}").run(**arguments)
