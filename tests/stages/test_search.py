"""The search for recipes, within the train stage as a component calls it."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from stages.home import Home

from trimtab.artifacts import dataset as datasets
from trimtab.artifacts.search import SearchSummary
from trimtab.config.config import Config
from trimtab.errors import ArtifactError
from trimtab.search.space import Space
from trimtab.stages import prune, settings, train

pytestmark = pytest.mark.slow
SECTIONS = {
    "data": {"train": "sklearn://digits"},
    "model": {"architecture": "mlp", "params": {"layers": 1, "units": 32}},
    "train": {"epochs": 4, "learning_rate": 0.005},
    "recipes": "auto",
    "search": {"max_epochs": 6},
    "budget": {"max_accuracy_drop": 0.05},
}


def one_pass() -> None:
    """Leaves a process of the search one pass and two quantizations to try."""
    from trimtab.stages import search

    everything = search.space

    def little(asked: Config) -> Space:
        whole = everything(asked)
        return replace(whole, steps=whole.steps[:1], endings=whole.endings[:2])

    search.space = little  # type: ignore[assignment]


def stopped_at_the_first_pass() -> None:
    """Lets the process of the search be told to stop when it applies a pass."""
    from trimtab.stages import search

    one_pass()

    def stop(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()

    search._Bench.untuned = stop  # type: ignore[method-assign,assignment]


@pytest.fixture
def home(digits_dataset: Path, tmp_path: Path) -> Home:
    made = Home(tmp_path / "runs", digits_dataset, Config.model_validate(SECTIONS))
    # Of what the test rows are, nothing can hang that is found without them.
    shutil.rmtree(made.path(made.dataset) / "test")
    return made


def test_it_leaves_recipes_without_test_rows_and_goes_on_where_it_was_stopped(home):
    with pytest.raises(ArtifactError, match="no recipes"):
        settings.decided(home.run)
    with pytest.raises(SystemExit) as stopped:
        home.task(train.run, home.dataset, sabotage=stopped_at_the_first_pass)
    assert stopped.value.code == 75
    journal = Path(home.run) / "search"
    before = {file.name: file.stat().st_mtime_ns for file in journal.iterdir()}
    assert len(before) == 2

    home.trained = home.task(train.run, home.dataset, sabotage=one_pass)
    found = home.record("search").read(SearchSummary)
    assert found is not None
    assert found.model == home.trained
    assert found.epochs <= 6
    assert found.rows == datasets.read(home.store, home.dataset).rows["validation"]
    assert {name: (journal / name).stat().st_mtime_ns for name in before} == before
    assert any(not tried.tuned for tried in found.tried)
    assert all(json.loads(file.read_text())["ended"] for file in journal.iterdir())

    config = settings.decided(home.run)
    assert {tried.candidate for tried in found.tried if tried.chosen} == {*config.candidates()} - {
        "none--none"
    }
    # What was made is what `prune` would make.
    outcomes = home.made("pruned", home.task(prune.run, "1/1", home.dataset, home.trained))
    assert set(outcomes) == set(config.branches())
    assert home.record("prune", "1/1").reused
