"""Tasks of a local run that are not as usual: a module of its own, as their processes import it."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any

import numpy as np
from faults.pauses import shorten_pauses

from trimtab.cli import processes
from trimtab.evaluate import latency

_execute = processes._execute


def without_latencies(*arguments: Any) -> None:
    """Does what a task's process does, in which every model takes as long: to measure takes five more."""
    latency.sample = _constant
    _execute(*arguments)


def with_short_pauses(*arguments: Any) -> None:
    """Does the same, and sends requests to a store that failed again after a short pause."""
    shorten_pauses()
    without_latencies(*arguments)


def killed_as_it_prunes(*arguments: Any) -> None:
    """Does the same, and the process that prunes channels is killed, as by a lack of memory."""
    os.register_at_fork(after_in_child=_end)
    without_latencies(*arguments)


def _constant(models: dict[str, Any], *_: Any) -> dict[str, Any]:
    return {name: np.full((5, 40), 1_000_000) for name in models}


def _end() -> None:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        is_child = frame.f_code.co_filename.endswith("stages/children.py")
        if is_child and str(frame.f_locals.get("label")).startswith("prune channels"):
            os.kill(os.getpid(), signal.SIGKILL)
        frame = frame.f_back
