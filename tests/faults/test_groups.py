"""The groups of `make faults`, each as small as it goes, in a process of its own.

A process that a large one started counts what it shared with it as its own: beside a suite, its memory says
nothing.
"""

import json
import os
import subprocess
import sys

import pytest
from faults.groups import GROUPS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_happens_that_must_not(root, group):
    done = subprocess.run(
        [sys.executable, "-m", "faults", "--size", "small", group],
        env={**os.environ, "PYTHONPATH": str(root / "tests")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["group"] == group
