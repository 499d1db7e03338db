"""Commands in this process: the imports of a process of its own, and a fork server's, take seconds each time.

`cli/test_end_to_end.py` starts commands as a user does.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path

import pytest

from trimtab.cli import main


def trimtab(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a directory to its end, and returns its exit code and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(directory),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as stopped,
    ):
        main(list(arguments))
    assert isinstance(stopped.value.code, int)
    return subprocess.CompletedProcess(arguments, stopped.value.code, out.getvalue(), err.getvalue())
