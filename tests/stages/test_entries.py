"""Work on entries whose process is killed: tried again in the pod, where its stage has retries."""

import faulthandler
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipelines import resources
from trimtab.config.config import Config
from trimtab.stages import entries
from trimtab.stages.entries import Work


def attempts(run):
    return list(Path(run).iterdir())


def attempt(run):
    Path(run, str(len(attempts(run)))).touch()


def die(run, ref, label, number):
    """Ends its own process the first `number` times, and writes down that it was there."""
    attempt(run)
    if len(attempts(run)) <= number:
        faulthandler.disable()  # pytest's would fill the log
        os.kill(os.getpid(), signal.SIGKILL)


def abort(run, ref, label, always):
    """Ends its own process as the C library does, unless TensorFlow is to compute without oneDNN."""
    attempt(run)
    if always or os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0":
        faulthandler.disable()
        os.abort()


def fail(run, *_):
    attempt(run)
    raise ZeroDivisionError


CONFIG = {"data": {"train": "sklearn://digits"}, "model": {"architecture": "mlp"}}


@pytest.fixture
def made(tmp_path, monkeypatch, forked):
    """Returns a function that makes an entry, and returns how it failed and how often it was tried."""
    task = SimpleNamespace(run_uri=str(tmp_path), record=SimpleNamespace(stage="train"))
    monkeypatch.setattr(entries.settings, "of", lambda _: Config.model_validate(CONFIG))

    def make(work, *arguments, retries=None):
        monkeypatch.setattr(entries, "import_module", lambda _: SimpleNamespace(make=work))
        if retries is not None:
            monkeypatch.setenv(entries.RETRIES, retries)
        return entries._attempt(task, Work("ref", "train", "trained", arguments)), len(attempts(tmp_path))

    return make


def test_a_killed_process_is_tried_again_as_often_as_its_stage_has_retries(made, capfd):
    crash, times = made(die, 2, retries="2")
    assert (crash, times) == (None, 3)
    assert capfd.readouterr().err.count("was ended by SIGKILL") == 2


def test_one_that_is_killed_again_and_again_fails(made):
    crash, times = made(die, 9, retries="2")
    assert (crash.was_killed, times) == (True, 3)


@pytest.mark.parametrize("retries", [None, "", "many"])
def test_without_retries_there_is_one_attempt(made, retries):
    crash, times = made(die, 1, retries=retries)
    assert (crash.was_killed, times) == (True, 1)


def test_what_the_c_library_ends_is_tried_again_without_onednn(made, capfd):
    assert made(abort, False) == (None, 2)
    assert "tried again without oneDNN" in capfd.readouterr().err
    assert os.environ.get("TF_ENABLE_ONEDNN_OPTS") != "0"


def test_what_it_ends_without_onednn_too_has_failed(made):
    crash, times = made(abort, True)
    assert (crash.signal, times) == ("SIGABRT", 2)


def test_what_fails_by_itself_is_not_tried_again(made):
    crash, times = made(fail, retries="2")
    assert (crash.was_killed, times) == (False, 1)
    assert "ZeroDivisionError" in crash.reason


def test_pods_are_told_by_the_variable_that_stages_read():
    assert resources.RETRIES == entries.RETRIES
