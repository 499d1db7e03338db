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
from tune.searchable import OUTCOME, main, searched

from trimtab.data.dataset.dataset import Dataset
from trimtab.tune import tuner

LOG, TRIALS = "log", 6
TRIAL = re.compile(r"\| tune \| trial (\d+)/")


def start(dataset: Dataset, run: Path) -> Any:
    run.mkdir(exist_ok=True)
    (run / LOG).unlink(missing_ok=True)
    return forked.start(main, run / LOG, str(dataset.path), str(run), "hyperband", TRIALS)


def finish(dataset: Dataset, run: Path) -> tuple[dict[str, object], str]:
    """Runs a search to its end; returns what it ends with, and what it says."""
    task = start(dataset, run)
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
def test_a_killed_search_ends_like_a_whole_one(tabular: Dataset, tmp_path: Path) -> None:
    expected, _ = finish(tabular, tmp_path / "whole")
    moments, run = random.Random(TRIALS), tmp_path / "killed"
    for ended in (1, 4):
        done = kill_after(start(tabular, run), ended, run, moments.uniform(0.0, 0.5))
    found, progress = finish(tabular, run)
    assert found == expected
    ran = set(re.findall(r"\| tune trial (\d+) \| epoch", progress))
    assert not ran & done, "a finished trial ran again"
    assert len(TRIAL.findall(progress)) == TRIALS


class Stopped(BaseException):
    """The search is over for this time, as if it had been killed."""


def test_a_bayesian_search_asks_for_the_same_after_it_was_stopped(
    tabular: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its four trials, the first three are drawn at random, and the last follows from their results."""
    fit, ran = tuner.loop.fit, list[str]()

    def noted(*given: Any, label: str, **rest: Any) -> Any:
        history = fit(*given, label=label, **rest)
        ran.append(label)
        if len(ran) == stops_after:
            raise Stopped
        return history

    monkeypatch.setattr(tuner.loop, "fit", noted)
    stops_after = 0
    expected = searched(tabular, str(tmp_path / "whole"), "bayesian", 4)
    assert len(set(ran)) == 4
    ran.clear()
    stops_after = 4  # it was trained, and nobody wrote it down
    with pytest.raises(Stopped):
        searched(tabular, str(tmp_path / "stopped"), "bayesian", 4)
    ran.clear()
    assert searched(tabular, str(tmp_path / "stopped"), "bayesian", 4) == expected
    assert ran == ["tune trial 3"]
