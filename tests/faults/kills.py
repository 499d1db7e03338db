"""Processes that train, killed with SIGKILL at moments of their checkpoints."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def die_writing(checkpoint: int) -> None:
    """Lets this process kill itself while it writes the n-th checkpoint: it is there but for its name."""
    replace, written = os.replace, [0]

    def dying(source: Any, target: Any, **rest: Any) -> None:
        written[0] += Path(target).suffix == ".ckpt"
        if written[0] == checkpoint:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target, **rest)

    os.replace = dying


def kill(task: Any, when: Callable[[], bool]) -> None:
    """Kills a process with SIGKILL as soon as the condition holds."""
    while not when():
        assert task.is_alive(), "the run ended before it could be killed"
    task.kill()
    task.join()


def names(directory: Path) -> list[str]:
    return sorted(file.name for file in directory.iterdir()) if directory.is_dir() else []


def after_progress(checkpoints: Path, delay: float) -> Callable[[], bool]:
    """Holds some seconds after a new checkpoint was written."""
    before, due = names(checkpoints), [0.0]

    def when() -> bool:
        if not due[0] and names(checkpoints) != before:
            due[0] = time.monotonic() + delay
        time.sleep(0.001)
        return bool(due[0]) and time.monotonic() > due[0]

    return when
