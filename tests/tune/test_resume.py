"""A search that is killed goes on where it was, loses no finished trial, and ends like one that was not."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trimtab.data.dataset import Dataset

SCRIPT = Path(__file__).parent / "searchable.py"
TRIAL = re.compile(r"\| tune \| trial (\d+)/")


def start(dataset: Dataset, run: Path, algorithm: str, trials: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(dataset.path), str(run), algorithm, str(trials)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[dict[str, object], str]:
    out, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    return json.loads(out), err


def kill_after(process: subprocess.Popen[str], trials: int, run: Path, delay: float) -> set[str]:
    """Kills a search some time after so many trials have ended; returns the trials that had."""
    journal = run / "checkpoints" / "tune" / "trials"
    while len(list(journal.glob("*.trial"))) < trials:
        assert process.poll() is None, "the search ended before it could be killed"
        time.sleep(0.002)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return {file.stem for file in journal.glob("*.trial")}


@pytest.mark.slow
@pytest.mark.parametrize(("algorithm", "trials"), [("hyperband", 8), ("bayesian", 6)])
def test_a_killed_search_ends_like_a_whole_one(
    tabular: Dataset, tmp_path: Path, algorithm: str, trials: int
) -> None:
    expected, _ = finish(start(tabular, tmp_path / "whole", algorithm, trials))
    moments, run = random.Random(trials), tmp_path / "killed"
    for ended in (1, trials - 2):
        done = kill_after(start(tabular, run, algorithm, trials), ended, run, moments.uniform(0.0, 1.0))
    found, progress = finish(start(tabular, run, algorithm, trials))
    assert found == expected
    ran = set(re.findall(r"\| tune trial (\d+) \| epoch", progress))
    assert not ran & done, "a finished trial ran again"
    assert len(TRIAL.findall(progress)) == trials
