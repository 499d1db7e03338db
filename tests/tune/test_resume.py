"""A search that is killed goes on where it was, loses no finished trial, and ends like one that was not."""

from __future__ import annotations

import json
import random
import re
import time
from pathlib import Path
from typing import Any

import pytest
from faults import forked
from tune.searchable import OUTCOME, main

from trimtab.data.dataset.dataset import Dataset

LOG = "log"
TRIAL = re.compile(r"\| tune \| trial (\d+)/")


def start(dataset: Dataset, run: Path, algorithm: str, trials: int) -> Any:
    run.mkdir(exist_ok=True)
    (run / LOG).unlink(missing_ok=True)
    arguments = (str(dataset.path), str(run), algorithm, trials)
    return forked.start(main, run / LOG, *arguments, afresh=algorithm == "bayesian")


def finish(dataset: Dataset, run: Path, algorithm: str, trials: int) -> tuple[dict[str, object], str]:
    """Runs a search to its end; returns what it ends with, and what it says."""
    task = start(dataset, run, algorithm, trials)
    task.join(500)
    said = (run / LOG).read_text()
    assert task.exitcode == 0, said
    return json.loads((run / OUTCOME).read_text()), said


def kill_after(task: Any, trials: int, run: Path, delay: float) -> set[str]:
    """Kills a search some time after so many trials have ended; returns the trials that had."""
    journal = run / "checkpoints" / "tune" / "trials"
    while len(list(journal.glob("*.trial"))) < trials:
        assert task.is_alive(), "the search ended before it could be killed"
        time.sleep(0.002)
    time.sleep(delay)
    task.kill()
    task.join()
    return {file.stem for file in journal.glob("*.trial")}


@pytest.mark.slow
@pytest.mark.parametrize(("algorithm", "trials", "kills"), [("hyperband", 6, (1, 4)), ("bayesian", 5, (3,))])
def test_a_killed_search_ends_like_a_whole_one(
    tabular: Dataset, tmp_path: Path, algorithm: str, trials: int, kills: tuple[int, ...]
) -> None:
    expected, _ = finish(tabular, tmp_path / "whole", algorithm, trials)
    moments, run = random.Random(trials), tmp_path / "killed"
    for ended in kills:
        done = kill_after(start(tabular, run, algorithm, trials), ended, run, moments.uniform(0.0, 1.0))
    found, progress = finish(tabular, run, algorithm, trials)
    assert found == expected
    ran = set(re.findall(r"\| tune trial (\d+) \| epoch", progress))
    assert not ran & done, "a finished trial ran again"
    assert len(TRIAL.findall(progress)) == trials
