"""A stage whose pod is pre-empted goes on bit-identically on another node: its run is in Cloud Storage."""

import json
import os
import shutil
import signal
import time

import pytest
from faults.forked import start
from faults.proxy import wait_until
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from trimtab.config.config import Config
from trimtab.errors import Preempted
from trimtab.stages import prune, quantize, train, tune
from trimtab.storage import artifact
from trimtab.train import workspace

pytestmark = pytest.mark.slow

RUN = "gs://bucket/runs/1"
IN_TIME_SECONDS = 15.0
STEPS_PER_EPOCH = 161
CONFIG = {
    "data": {"train": "sklearn://digits"},
    "model": {"architecture": "cnn", "params": {"filters": 8}},
    "tune": {"algorithm": "random", "trials": 2, "epochs": 2},
    "train": {"epochs": 5, "batch_size": 8, "checkpoint_seconds": 1000},
    "recipes": [
        {"prune": {"method": "channels", "ratio": 0.3, "epochs": 3}, "quantize": ["none"]},
        {"prune": "none", "quantize": [{"method": "qat_int8", "epochs": 3}]},
    ],
}
_, NARROW, QAT = Config.model_validate(CONFIG).candidates().values()


@pytest.fixture(scope="module")
def given(digits_dataset, tmp_path_factory):
    """Returns the arguments that all stages have in common."""
    config, values = Config.model_validate(CONFIG), tmp_path_factory.mktemp("untuned") / "values"
    untuned = config.model_copy(update={"tune": None}).model_dump_json()
    tune.run(config=untuned, run=str(values.parent), dataset="", hyperparameters=str(values))
    return {
        "config": config.model_dump_json(),
        "dataset": str(digits_dataset),
        "hyperparameters": str(values),
    }


@pytest.fixture(scope="module")
def whole(given, tmp_path_factory):
    """Returns the model of a training that nothing stopped, on this machine."""
    home = tmp_path_factory.mktemp("whole")
    finish(start(train.run, home / "log", run=str(home), **given, model=str(home / "model")), home / "log")
    return home / "model"


@pytest.fixture
def node(emulator, given, tmp_path):
    """Returns a function that starts a stage's work on a new node, with a temporary directory of its own."""
    nodes = []

    def on_new_node(work, run=RUN, **arguments):
        directory = tmp_path / f"node-{len(nodes)}"
        directory.mkdir()
        log, environment = directory / "log", {"TMPDIR": str(directory)}
        task = start(work, log, environment=environment, run=run, **given | arguments)
        nodes.append(task)
        task.log = log
        return task

    yield on_new_node
    for task in nodes:
        task.kill()
        task.join()


def finish(task, log=None):
    """Waits for a process to end well, and returns what it said."""
    task.join(300)
    said = (log or task.log).read_text()
    assert task.exitcode == 0, said
    return said


def preempt(task, when):
    """Sends SIGTERM as soon as the condition holds, and sees the process end well and in time."""
    wait_until(when, 120)
    os.kill(task.pid, signal.SIGTERM)
    sent = time.monotonic()
    task.join(60)
    assert time.monotonic() - sent < IN_TIME_SECONDS
    assert task.exitcode == Preempted.exit_code, task.log.read_text()


def record(emulator, name):
    return json.loads(emulator.contents("bucket")[f"runs/1/stages/{name}.json"])


def said(task, text):
    return lambda: task.log.exists() and text in task.log.read_text()


def left_by(emulator, name):
    found = record(emulator, name)
    return found["ok"], found["error_type"], found["exit_code"]


STOPPED = (False, "Preempted", 75)


def test_train_and_prune(node, whole, emulator, tmp_path):
    for moment in ("started", "epoch 2/5", "resumes"):
        task = node(train.run, model=str(tmp_path / "model"))
        preempt(task, said(task, moment))
        assert left_by(emulator, "train") == STOPPED
        assert not (tmp_path / "model").exists()
    steps = [int(name[-17:-5]) for name in emulator.contents("bucket", "runs/1/checkpoints/train/")]
    assert any(step % STEPS_PER_EPOCH for step in steps), "it was never stopped inside an epoch"
    assert "resumes at epoch" in finish(node(train.run, model=str(tmp_path / "model")))
    assert record(emulator, "train")["ok"]
    expected, found = (artifact.load(path, "model") for path in (whole, tmp_path / "model"))
    assert found.lineage["weights_sha256"] == expected.lineage["weights_sha256"]

    given = {"recipe": NARROW.branch.id, "model": str(tmp_path / "model")}
    finish(node(prune.run, run=str(tmp_path / "whole"), pruned=str(tmp_path / "expected"), **given))
    task = node(prune.run, pruned=str(tmp_path / "pruned"), **given)
    preempt(task, said(task, "epoch 1/3"))
    assert left_by(emulator, f"prune.{NARROW.branch.id}") == STOPPED
    assert "resumes at epoch" in finish(node(prune.run, pruned=str(tmp_path / "pruned"), **given))
    expected, found = (artifact.load(tmp_path / name, "model") for name in ("expected", "pruned"))
    assert found.lineage["ok"]
    assert found.lineage["weights_sha256"] == expected.lineage["weights_sha256"]


def train_and_publish_often(**arguments):
    workspace.LOGS_EVERY_SECONDS = 1.0
    train.run(**arguments)


def test_the_logs_are_there_while_the_training_goes_on(node, emulator, tmp_path):
    config = {**CONFIG, "train": {"epochs": 1000, "batch_size": 8}}
    task = node(
        train_and_publish_often,
        config=Config.model_validate(config).model_dump_json(),
        model=str(tmp_path / "model"),
    )

    def curve():
        found = set()
        for content in emulator.contents("bucket", "runs/1/tensorboard/train/validation/").values():
            (tmp_path / "events").write_bytes(content)
            events = EventFileLoader(str(tmp_path / "events")).Load()
            found |= {event.step for event in events if event.summary.value}
        return sorted(found)

    wait_until(curve, 120)
    first = curve()
    wait_until(lambda: len(curve()) > len(first), 120)
    assert task.is_alive()
    assert curve() == list(range(1, len(curve()) + 1))
    assert "runs/1/stages/train.json" not in emulator.contents("bucket")


def test_tune(node, emulator, tmp_path):
    finish(node(tune.run, run=str(tmp_path / "whole"), hyperparameters=str(tmp_path / "expected")))
    task = node(tune.run, hyperparameters=str(tmp_path / "found"))
    preempt(task, said(task, "trial 1 | epoch 1/2"))
    assert left_by(emulator, "tune") == STOPPED
    assert "trial 1 | resumes at epoch" in finish(node(tune.run, hyperparameters=str(tmp_path / "found")))
    values = [(tmp_path / name / "hyperparameters.json").read_bytes() for name in ("expected", "found")]
    assert values[0] == values[1]
    trials = record(emulator, "tune")["summary"]["trials"]
    whole = json.loads((tmp_path / "whole" / "stages" / "tune.json").read_bytes())["summary"]["trials"]
    assert [trial["score"] for trial in trials] == [trial["score"] for trial in whole]


def test_quantize(node, whole, emulator, tmp_path):
    given = {"recipe": "none", "model": str(whole)}
    finish(node(prune.run, run=str(tmp_path / "whole"), pruned=str(tmp_path / "pruned"), **given))
    with artifact.create(tmp_path / "shortlist", "shortlist") as draft:
        shutil.copytree(tmp_path / "pruned", draft.path / "none")
    given = {"candidate": QAT.id, "shortlist": str(tmp_path / "shortlist")}
    finish(node(quantize.run, run=str(tmp_path / "whole"), quantized=str(tmp_path / "expected"), **given))
    task = node(quantize.run, quantized=str(tmp_path / "found"), **given)
    preempt(task, said(task, "epoch 1/3"))
    assert left_by(emulator, f"quantize.{QAT.id}") == STOPPED
    assert not (tmp_path / "found").exists(), "a candidate that was stopped did not fail"
    assert "resumes at epoch" in finish(node(quantize.run, quantized=str(tmp_path / "found"), **given))
    files = [(tmp_path / name / "model.tflite").read_bytes() for name in ("expected", "found")]
    assert files[0] == files[1]
