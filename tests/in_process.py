"""Commands in this process: the imports of a process of its own, and a fork server's, take seconds each time.

`cli/test_end_to_end.py` starts commands as a user does; there the preparation of data is not forked.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from trimtab.cli import main, processes
from trimtab.config.stages import STAGES


@contextlib.contextmanager
def all_forked() -> Iterator[None]:
    """Lets runs fork the preparation of data too: the fork server is there already, from an earlier test."""
    with mock.patch.object(processes, "FORKED", frozenset(STAGES)):
        yield


def trimtab(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a directory to its end, and returns its exit code and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(directory),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        all_forked(),
        pytest.raises(SystemExit) as stopped,
    ):
        main(list(arguments))
    assert isinstance(stopped.value.code, int)
    return subprocess.CompletedProcess(arguments, stopped.value.code, out.getvalue(), err.getvalue())
