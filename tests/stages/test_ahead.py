"""Entries that are made several in one process: what one of them does costs itself alone."""

import faulthandler
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from trimtab.artifacts import shard
from trimtab.artifacts.record import StageRecord
from trimtab.artifacts.shard import Outcomes
from trimtab.artifacts.store import ContentStore, reference
from trimtab.config.config import Config
from trimtab.errors import ModelError
from trimtab.stages import ahead, entries
from trimtab.stages.entries import Work
from trimtab.stages.stage import Task

CONFIG = {"data": {"train": "sklearn://digits"}, "model": {"architecture": "mlp"}}


def make(run, ref, label, how):
    """Makes an entry, refuses to, or ends its process; and writes down in which process it was."""
    with Path(run, label).open("a") as file:
        file.write(f"{os.getpid()}\n")
    if how == "refuse":
        raise ModelError("it cannot be made", field="model")
    if how == "die":
        faulthandler.disable()  # pytest's would fill the log
        os.kill(os.getpid(), signal.SIGKILL)
    with ContentStore(run).create(ref) as draft:
        draft.summary = Outcomes(outcomes={})


@pytest.fixture
def task(tmp_path, monkeypatch):
    monkeypatch.setattr(entries.settings, "of", lambda _: Config.model_validate(CONFIG))
    monkeypatch.setattr(entries, "import_module", lambda _: SimpleNamespace(make=make))
    (tmp_path / "run").mkdir()
    return Task(str(tmp_path / "run"), StageRecord(stage="quantize"))


def works(*how):
    return [
        Work(reference(shard.QUANTIZED, number=number), f"work{number}", "quantized", (each,))
        for number, each in enumerate(how)
    ]


def processes(task, work):
    return Path(task.run_uri, work.label).read_text().split()


def test_they_share_a_process_and_are_told_as_if_each_had_its_own(task):
    asked = works("make", "refuse", "make")
    ahead.make(task, "quantize none", asked)
    found = [entries.obtain(task, work, work.label) for work in asked]
    assert len({process for work in asked for process in processes(task, work)}) == 1
    assert [(entry.ok, entry.reused) for entry in found] == [(True, False), (False, False), (True, False)]
    assert found[1].reason.startswith("model: it cannot be made")
    assert not found[1].by_chance
    again = [entries.obtain(task, work, work.label) for work in asked]
    assert [(entry.ok, entry.reused) for entry in again] == [(True, True), (False, True), (True, True)]
    ahead.make(task, "quantize none", asked)
    assert all(len(processes(task, work)) == 1 for work in asked)


def test_a_crash_costs_the_one_that_crashes(task, capfd):
    asked = works("make", "die", "make")
    ahead.make(task, "quantize none", asked)
    found = [entries.obtain(task, work, work.label) for work in asked]
    assert [entry.ok for entry in found] == [True, False, True]
    assert "was ended by SIGKILL" in found[1].reason
    assert "while it worked on work1" in found[1].reason
    assert [len(processes(task, work)) for work in asked] == [1, 2, 1]
    assert "what is missing is made one by one" in capfd.readouterr().err


def test_one_alone_is_left_to_a_process_of_its_own(task):
    asked = works("make")
    ahead.make(task, "quantize none", asked)
    assert not Path(task.run_uri, asked[0].label).exists()
