"""A stage whose pod is pre-empted goes on bit-identically on another node: its run is in Cloud Storage."""

import json
import os
import shutil
import signal
import time

import pytest
from faults.forked import start
from faults.proxy import wait_until
from stages.home import Home
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from trimtab.artifacts import shard as shards
from trimtab.artifacts.model import ModelSummary, TrainSummary
from trimtab.artifacts.shard import PRUNED, QUANTIZED, Outcome
from trimtab.artifacts.store import ContentStore
from trimtab.config.config import Config
from trimtab.errors import Preempted
from trimtab.stages import prune, quantize, train, tune
from trimtab.storage.artifacts import open_artifacts
from trimtab.storage.store import open_store
from trimtab.train import workspace

pytestmark = pytest.mark.slow

RUN = "gs://bucket/runs/1"
IN_TIME_SECONDS = 15.0
STEPS_PER_EPOCH = 161
CONFIG = {
    "data": {"train": "sklearn://digits"},
    "model": {"architecture": "cnn", "params": {"filters": 8}},
    "train": {"epochs": 5, "batch_size": 8, "checkpoint_seconds": 1000},
    "recipes": [
        {"prune": {"method": "channels", "ratio": 0.3, "epochs": 3}, "quantize": ["none"]},
        {"prune": "none", "quantize": [{"method": "qat_int8", "epochs": 3}]},
    ],
    "budget": {"max_accuracy_drop": 0.9},
}
_, NARROW, QAT = Config.model_validate(CONFIG).candidates().values()


@pytest.fixture(scope="module")
def whole(digits_dataset, tmp_path_factory):
    """Returns a run on this machine whose training nothing stopped."""
    home = Home(tmp_path_factory.mktemp("whole") / "runs", digits_dataset, Config.model_validate(CONFIG))
    home.trained = home.task(train.run, home.dataset, home.task(tune.run, home.dataset))
    return home


@pytest.fixture
def remote(emulator, whole, digits_dataset):
    """Returns the content store of a run in Cloud Storage, which has the dataset."""
    configure(CONFIG)
    store = ContentStore(RUN)
    with open_artifacts("gs://bucket/runs/store").create(whole.dataset, "dataset") as draft:
        manifest = json.loads((digits_dataset / "manifest.json").read_bytes())
        shutil.copytree(digits_dataset, draft.path, dirs_exist_ok=True)
        (draft.path / "manifest.json").unlink()
        draft.counts, draft.lineage = manifest["counts"], manifest["lineage"]
    return store


def configure(sections):
    open_store(RUN).write("config.json", Config.model_validate(sections).model_dump_json().encode())


def take(remote, whole, ref):
    """Copies an entry of the local run's store to the remote one."""
    found = whole.store.open(ref)
    with remote.create(ref) as draft:
        for name in found.manifest.files:
            shutil.copyfile(found.path / name, draft.path / name)
        draft.lineage = found.lineage
        draft.summary = TrainSummary.model_validate(found.manifest.summary)
    return ref


@pytest.fixture
def node(emulator, tmp_path):
    """Returns a function that starts a stage's work on a new node, with temporary directories of its own."""
    nodes = []

    def on_new_node(work, *arguments):
        directory = tmp_path / f"node-{len(nodes)}"
        directory.mkdir()
        log = directory / "log"
        environment = {"TMPDIR": str(directory), "XDG_CACHE_HOME": str(directory / "cache")}
        task = start(answering, log, work, directory / "answer", RUN, *arguments, environment=environment)
        nodes.append(task)
        task.log, task.answer = log, directory / "answer"
        return task

    yield on_new_node
    for task in nodes:
        task.kill()
        task.join()


def answering(work, answer, *arguments):
    answer.write_text(work(*arguments))


def finish(task):
    """Waits for a process to end well, and returns what its stage returned, and what it said."""
    task.join(300)
    said = task.log.read_text()
    assert task.exitcode == 0, said
    return task.answer.read_text(), said


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


def entries(emulator, kind):
    names = emulator.contents("bucket", f"runs/store/{kind}/")
    return {name.split("/")[3] for name in names if name.count("/") == 4 and name.endswith("manifest.json")}


def weights(store, ref):
    return ModelSummary.model_validate(store.find(ref).summary).weights_sha256


STOPPED = (False, "Preempted", 75)


def test_train_and_prune(node, whole, remote, emulator):
    values, _ = finish(node(tune.run, whole.dataset))
    for moment in ("started", "epoch 2/5", "resumes"):
        task = node(train.run, whole.dataset, values)
        preempt(task, said(task, moment))
        assert left_by(emulator, "train") == STOPPED
        assert not entries(emulator, "model")
    steps = [int(name[-17:-5]) for name in emulator.contents("bucket", "runs/1/checkpoints/train/")]
    assert any(step % STEPS_PER_EPOCH for step in steps), "it was never stopped inside an epoch"
    model, told = finish(node(train.run, whole.dataset, values))
    assert "resumes at epoch" in told
    assert record(emulator, "train")["ok"]
    assert weights(remote, model) == weights(whole.store, whole.trained)

    expected = whole.made(PRUNED, whole.task(prune.run, "1/1", whole.dataset, whole.trained))
    task = node(prune.run, "1/1", whole.dataset, model)
    preempt(task, said(task, "epoch 1/3"))
    assert left_by(emulator, "prune.1-1") == STOPPED
    pruned, told = finish(node(prune.run, "1/1", whole.dataset, model))
    assert "resumes at epoch" in told
    found = shards.read(remote, PRUNED, pruned)
    assert weights(remote, found[NARROW.branch.id].ref) == weights(
        whole.store, expected[NARROW.branch.id].ref
    )


def train_and_publish_often(*arguments):
    workspace.LOGS_EVERY_SECONDS = 1.0
    return train.run(*arguments)


def test_the_logs_are_there_while_the_training_goes_on(node, whole, remote, emulator, tmp_path):
    configure({**CONFIG, "train": {"epochs": 1000, "batch_size": 8}})
    values, _ = finish(node(tune.run, whole.dataset))
    task = node(train_and_publish_often, whole.dataset, values)

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


def test_tune(node, whole, remote, emulator):
    search = {**CONFIG, "tune": {"algorithm": "random", "trials": 2, "epochs": 2}}
    configure(search)
    home = whole.copy(whole.output.parent / "searching")
    home.configure(Config.model_validate(search))
    expected = home.store.find(home.task(tune.run, home.dataset)).summary
    task = node(tune.run, whole.dataset)
    preempt(task, said(task, "trial 1 | epoch 1/2"))
    assert left_by(emulator, "tune") == STOPPED
    found, told = finish(node(tune.run, whole.dataset))
    assert "trial 1 | resumes at epoch" in told
    summary = remote.find(found).summary
    assert summary["best"] == expected["best"]
    scores = ([trial["score"] for trial in made["trials"]] for made in (summary, expected))
    assert next(scores) == next(scores)


def test_quantize(node, whole, remote, emulator):
    take(remote, whole, whole.trained)
    finish(node(tune.run, whole.dataset))
    outcomes = {"none": Outcome(ref=whole.trained), NARROW.branch.id: Outcome(reason="left out")}
    given = shards.write(remote, PRUNED, outcomes)
    made = whole.task(quantize.run, "1/1", whole.dataset, whole.outcomes(PRUNED, outcomes))
    expected = whole.made(QUANTIZED, made)[QAT.id]
    task = node(quantize.run, "1/1", whole.dataset, given)
    preempt(task, said(task, "epoch 1/3"))
    assert left_by(emulator, "quantize.1-1") == STOPPED
    finished = entries(emulator, "file")
    assert len(finished) == 1, "the first file is finished, and the one that was stopped did not fail"
    quantized, told = finish(node(quantize.run, "1/1", whole.dataset, given))
    assert "resumes at epoch" in told
    kept, *others = record(emulator, "quantize.1-1")["entries"]
    assert (kept["reused"], [entry["reused"] for entry in others]) == (True, [False])
    found = shards.read(remote, QUANTIZED, quantized)[QAT.id]
    files = [
        (store.open(ref).path / "model.tflite").read_bytes()
        for store, ref in ((whole.store, expected.ref), (remote, found.ref))
    ]
    assert files[0] == files[1]
