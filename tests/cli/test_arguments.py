"""Arguments that no config, record or URI can hold."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("arguments", [[b"run", b"\xff.yaml"], [b"run", b"a.yaml", b"--output", b"o\xff"]])
def test_an_argument_that_is_no_text_is_told(arguments):
    command = [sys.executable, "-m", "trimtab", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "\\xff" in done.stderr
    assert "this argument is not UTF-8" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_home_of_nobody_is_a_path_that_is_not_there(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("data: {train: ~nobody-here/rows.csv, label: y}\nmodel: {architecture: mlp}\n")
    command = [sys.executable, "-m", "trimtab", "run", str(config), "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "~nobody-here/rows.csv: there is no such file or directory" in done.stderr
