"""Commands in this process: the imports of a process of its own, and a fork server's, take seconds each time.

`cli/test_end_to_end.py` starts a run as a user does: its first task is not forked, latencies are measured.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest import mock

import altered_tasks
import pytest

from trimtab.cli import main, processes
from trimtab.config.stages import STAGES


class _Begun(processes._ForkServer):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.start()


@contextlib.contextmanager
def all_forked() -> Iterator[None]:
    """Lets runs fork all their tasks: the fork server is there from an earlier one, and waits for nothing."""
    with mock.patch.multiple(processes, FORKED=frozenset(STAGES), _ForkServer=_Begun):
        yield


def _quick() -> AbstractContextManager[Any]:
    """Lets tasks measure no latencies, unless a test altered them in a way of its own."""
    usual = processes._execute is altered_tasks._execute
    work = altered_tasks.without_latencies if usual else processes._execute
    return mock.patch.object(processes, "_execute", work)


def trimtab(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a directory to its end, and returns its exit code and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(directory),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        all_forked(),
        _quick(),
        pytest.raises(SystemExit) as stopped,
    ):
        main(list(arguments))
    assert isinstance(stopped.value.code, int)
    return subprocess.CompletedProcess(arguments, stopped.value.code, out.getvalue(), err.getvalue())
