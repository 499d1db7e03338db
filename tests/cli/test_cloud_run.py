"""The whole DAG with every path in an object store: emulated, and through a proxy that spoils requests."""

import json
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import pytest
from altered_tasks import with_short_pauses
from faults.clouds import GCS
from faults.proxy import FOR_EVER, Fault, wait_until
from in_process import trimtab
from sklearn.datasets import load_iris
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from trimtab.artifacts.record import StageRecord
from trimtab.cli import processes
from trimtab.deploy.repository import Repository
from trimtab.train.checkpoint import decode

pytestmark = pytest.mark.slow

CONFIG = """\
name: iris
seed: 3
data: {train: "PLACE/data/*.csv", label: species}
model: {archive: "PLACE/models/start.keras"}
tune: {algorithm: random, trials: 2, epochs: 1}
train: {epochs: 3, batch_size: 16, learning_rate: 0.02}
recipes:
- {prune: none, quantize: [none]}
- {prune: {method: channels, ratio: 0.5, epochs: 2}, quantize: [float16]}
budget: {max_accuracy_drop: 0.9, objective: size}
deploy: {target: "PLACE/models/iris"}
"""
QUICK = ["--set", "tune=null", "--set", "recipes=[{prune: none, quantize: [float16]}]"]


def faults(cloud):
    """Returns faults of every kind, each for every so many requests."""
    return [
        Fault("429", cloud.any, FOR_EVER, every=61),
        Fault("503", cloud.any, FOR_EVER, every=71),
        Fault("reset", cloud.any, FOR_EVER, every=59),
        Fault("lost answer", cloud.upload, FOR_EVER, every=37),
        Fault("stall", cloud.any, 3, seconds=1.0, every=47),
        Fault("truncate", cloud.media, FOR_EVER, every=23),
        Fault("corrupt", cloud.media, FOR_EVER, every=17),
        Fault("corrupt upload", cloud.upload, FOR_EVER, every=29),
    ]


# What no two runs have in common: when it was, where it was, how long it took.
VARYING = re.compile(
    "seconds|seconds_per_epoch|latency.*|on_pareto_front|finding|verdict|why|difference|run_id|report|"
    "tensorboard|uri|deployed|config|version|previous|.*_at|by|training|lineage|dataset|evaluations|times|"
    "content_sha256"
)


@pytest.fixture
def inputs(tmp_path):
    """Returns the contents of the data and of the model to start from, by name."""
    bunch = load_iris()
    rows = [
        ",".join([*map(str, x), str(bunch.target_names[y])])
        for x, y in zip(bunch.data, bunch.target, strict=True)
    ]
    files = {
        f"data/{part}.csv": "\n".join(["a,b,c,d,species", *rows[part::3], ""]).encode() for part in range(3)
    }
    keras.utils.set_random_seed(1)
    layers = [keras.Input((4,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(3, "softmax")]
    keras.Sequential(layers).save(tmp_path / "start.keras")
    return files | {"models/start.keras": (tmp_path / "start.keras").read_bytes()}


def arguments(directory, place, command, *options):
    """Returns the arguments of a command on a config with all that it reads and writes in one place."""
    (directory / "config.yaml").write_text(CONFIG.replace("PLACE", place))
    return [command, "config.yaml", "--json", "--output", f"{place}/runs", *options]


@pytest.fixture
def scratch(tmp_path, monkeypatch, short_pauses):
    """Returns the directory for temporary files of the commands of a test."""
    directory = tmp_path / "tmp"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    monkeypatch.setattr(processes, "_execute", with_short_pauses)
    return directory


@pytest.fixture
def run(tmp_path, scratch):
    """Returns a function that runs a command to its end, and returns the result."""

    def run(place, command="run", *options, code=0):
        done = trimtab(tmp_path, *arguments(tmp_path, place, command, *options))
        assert done.returncode == code, done.stderr
        assert [path.name for path in scratch.iterdir() if path.name.startswith("trimtab")] == []
        return json.loads(done.stdout)

    return run


def stable(value, place):
    """Returns what two runs of one config have in common."""
    if isinstance(value, dict):
        return {name: stable(item, place) for name, item in value.items() if not VARYING.fullmatch(name)}
    if isinstance(value, str):
        return value.replace(place, "PLACE")
    return [stable(item, place) for item in value] if isinstance(value, list) else value


def described(contents, directory, place):
    """Returns what each file of a run holds, without what varies; a file that is not whole is an error."""
    found = {}
    for name, content in contents.items():
        # A key depends on where the archive is; in the cloud, files are in a directory of their writer.
        plain = re.sub("/[0-9a-f]{32}$", "/key", re.sub(r"tfevents\..*", "tfevents", name))
        plain = re.sub("^(selection|comparison|champion)/[0-9a-f]{12}/", r"\1/", plain)
        file = directory / "file"
        file.write_bytes(content)
        if name.startswith("stages/"):
            found[plain] = stable(StageRecord.model_validate_json(content).model_dump(), place)
        elif name.endswith(".ckpt"):
            checkpoint, binding = decode(file)
            binding.pop("parent", None)  # the digest of an artifact that holds times
            binding.pop("data", None)  # of one that holds where its rows came from
            found[plain] = binding, sorted((key, value.tobytes()) for key, value in checkpoint.arrays.items())
        elif "tfevents" in name:
            events = EventFileLoader(str(file)).Load()
            # Several writers may have files in one directory.
            tags = [(event.step, value.tag) for event in events for value in event.summary.value]
            found[plain] = sorted([*found.get(plain, []), *tags])
        else:
            found[plain] = len(content) > 0
    return found


def of_run(emulator, result):
    prefix = f"runs/{result['run_id']}/"
    contents = {name.removeprefix(prefix): c for name, c in emulator.contents("bucket", prefix).items()}
    return {name: content for name, content in contents.items() if not is_hidden(name)}


def write(directory, files):
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)


def put(emulator, files):
    for name, content in files.items():
        emulator.state.put("bucket", {"name": name}, content)


def is_hidden(name):
    return any(part.startswith(".") for part in name.split("/"))


def local_files(directory):
    """Returns the contents of a run's local directory but for hidden files: they stay there."""
    files = {str(file.relative_to(directory)): file for file in directory.rglob("*") if file.is_file()}
    return {name: file.read_bytes() for name, file in files.items() if not is_hidden(name)}


def beside_runs(names):
    """Returns the names of what is no run's; that of a judgement is a hash, also of an archive's place."""
    left = (name for name in names if not name.startswith("runs/") and not is_hidden(name))
    return sorted(re.sub("judged/[0-9a-f]{64}", "judged/", name) for name in left)


# One store is enough here: `test_s3_run` takes runs through the same faults of the other.
@pytest.mark.parametrize("cloud", [GCS], ids=lambda cloud: cloud.scheme)
def test_run_and_retrain_are_the_same_here_and_through_faults(run, inputs, cloud, request, tmp_path):
    emulator, proxy = (request.getfixturevalue(name) for name in (cloud.emulator, cloud.proxy))
    bucket = f"{cloud.scheme}://bucket"
    new = {"data/2.csv": inputs.pop("data/2.csv")}
    forced = ["--force", "--reason", "it's another season"]
    home = str(tmp_path / "here")

    def story(place, store):
        store(inputs)
        first = [run(place, "run"), run(place, "retrain")]
        store(new)
        return [*first, run(place, "retrain", *forced)]

    here = story(home, lambda files: write(tmp_path / "here", files))
    proxy.spoil(*faults(cloud))
    there = story(bucket, lambda files: put(emulator, files))
    assert {line.split(":")[0] for line in proxy.spoiled} == {fault.kind for fault in faults(cloud)}
    proxy.spoil()

    assert [result["status"] for result in there] == ["deployed", "up_to_date", "deployed"]
    assert there[0]["deployed"] == f"{bucket}/models/iris/1"
    assert there[0]["report"] == f"{bucket}/runs/{there[0]['run_id']}/report.html"
    assert there[2]["retrain"]["changes"]["added"]["first"] == ["train/2.csv"]
    assert there[2]["retrain"]["forced"]["reason"] == "it's another season"
    for one, other in zip(here, there, strict=True):
        assert stable(other, bucket) == stable(one, home)
        left = local_files(tmp_path / "here" / "runs" / one["run_id"])
        found = described(of_run(emulator, other), tmp_path, bucket)
        assert found == described(left, tmp_path, home)
    assert deployed(f"{bucket}/models/iris") == deployed(f"{home}/models/iris")
    (*_, move) = Repository(f"{bucket}/models/iris").champion().history
    assert move.forced
    assert move.reason.startswith("it's another season (")
    assert beside_runs(emulator.contents("bucket")) == beside_runs(local_files(tmp_path / "here"))
    assert not list(Path.cwd().glob(f"{cloud.scheme}:*"))


def deployed(target):
    """Returns the models at a target by version, and how they became champions."""
    repository, models = Repository(target), []
    champion = repository.champion()
    for version in range(1, champion.version + 1):
        with repository.fetched(version) as found:
            models.append((found.path / "model.tflite").read_bytes())
    return models, [(move.version, move.action, move.forced) for move in champion.history]


def test_a_run_that_is_stopped_goes_on_where_it_was(run, inputs, emulator, tmp_path):
    put(emulator, inputs)
    # The smallest is the baseline: so small a model's float16 file is larger.
    options = [*QUICK, "--set", "train.epochs=30", "--set", "budget.objective=size"]
    command = [sys.executable, "-m", "trimtab", *arguments(tmp_path, "gs://bucket", "run", *options)]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: any("/checkpoints/train/" in name for name in emulator.contents("bucket")), 120)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    run_id = re.search("--resume (.+)", err)[1]
    stored = emulator.contents("bucket", f"runs/{run_id}/")
    assert (
        StageRecord.model_validate_json(stored[f"runs/{run_id}/stages/train.json"]).error_type == "Preempted"
    )
    assert f"runs/{run_id}/run.log" in stored
    before = max(name for name in stored if name.endswith(".ckpt"))

    result = run("gs://bucket", "run", *options, "--resume", run_id, code=5)
    assert (result["run_id"], result["status"]) == (run_id, "baseline_deployed")
    left = of_run(emulator, result)
    record = StageRecord.model_validate_json(left["stages/train.json"])
    assert [entry["epoch"] for entry in record.summary["history"]] == list(range(1, 31))
    assert b"train | resumes at epoch" in left["run.log"]
    assert (
        max(name for name in left if name.startswith("checkpoints/train/")) > before.partition(run_id)[2][1:]
    )
