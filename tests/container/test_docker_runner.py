"""The whole DAG, a container per task: the same result as with a process per task."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from docker.models.containers import ContainerCollection

from trimtab.cli import docker as runner
from trimtab.cli import main
from trimtab.config.config import Config
from trimtab.errors import TrimtabError

pytestmark = [pytest.mark.container, pytest.mark.slow]

CONFIG = {
    "name": "tiny",
    "seed": 3,
    "data": {"train": "sklearn://digits"},
    "model": {"architecture": "mlp"},
    "train": {"epochs": 2, "batch_size": 128},
    "recipes": [
        {"prune": "none", "quantize": ["none"]},
        {"prune": {"method": "magnitude", "sparsity": 0.5, "epochs": 1}, "quantize": ["dynamic_int8"]},
    ],
    "budget": {"max_accuracy_drop": 0.9},
    "resources": {"stages": {"train": {"memory": "4Gi", "cpu": "64"}}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    # A space in the path is to travel through mounts and commands unharmed.
    folder = tmp_path_factory.mktemp("with space")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


@pytest.fixture(scope="module")
def local(folder):
    """Returns the run directory of the run with a process per task."""
    command = [sys.executable, "-m", "trimtab", "run", str(folder / "tiny.yaml")]
    subprocess.run([*command, "--output", str(folder / "local")], check=True, capture_output=True)
    return only_run(folder / "local")


@pytest.fixture(scope="module")
def in_containers(folder, image):
    """Returns the run directory of the run with a container per task, and how each container was confined."""
    confined = []
    create = ContainerCollection.create

    def recorded(self, image, command=None, **given):
        container = create(self, image, command, **given)
        container.reload()
        confined.append((command[command.index("--function_to_execute") + 1], container.attrs))
        return container

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ContainerCollection, "create", recorded)
        arguments = ["run", str(folder / "tiny.yaml"), "--runner", "docker", "--image", image]
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, "--output", str(folder / "docker")])
    assert stopped.value.code == 0
    return only_run(folder / "docker"), confined


def only_run(output: Path) -> Path:
    (run,) = output.glob("tiny-*")
    return run


def result(run: Path) -> dict:
    return json.loads((run / "result.json").read_text())


def test_equals_the_local_run(local, in_containers):
    run, _ = in_containers
    weights = [
        json.loads((one / "stages/train.json").read_text())["summary"]["weights_sha256"]
        for one in (local, run)
    ]
    assert weights[0] == weights[1]
    theirs, ours = result(local), result(run)
    assert ours["data"] == theirs["data"]
    for here, there in zip(ours["candidates"], theirs["candidates"], strict=True):
        for field in ("id", "metrics", "drop", "size_bytes", "gzip_bytes", "parameters", "macs", "sparsity"):
            assert here[field] == there[field], field


def test_leaves_what_a_run_leaves(in_containers):
    run, _ = in_containers
    found = result(run)
    assert found["status"] == "deployed"
    assert (Path(found["deployed"]) / "model.tflite").is_file()
    assert (run / "report.html").is_file()
    assert list(run.glob("tensorboard/**/events*"))
    assert os.access(run / "result.json", os.R_OK)


def test_every_task_has_a_container_of_its_own(in_containers):
    _, confined = in_containers
    stages = [stage for stage, _ in confined]
    once = {"data_prep", "tune", "train", "shortlist", "select", "deploy", "report"}
    assert all(stages.count(stage) == 1 for stage in once)
    assert {stage: stages.count(stage) for stage in ("prune", "quantize", "evaluate")} == {
        "prune": 2,
        "quantize": 2,
        "evaluate": 2,
    }


def test_every_container_is_confined(in_containers, folder):
    run, confined = in_containers
    for stage, attributes in confined:
        host = attributes["HostConfig"]
        assert attributes["Config"]["User"].split(":")[0] != "0", stage
        assert host["NetworkMode"] == "none", stage
        assert host["ReadonlyRootfs"], stage
        assert host["CapDrop"] == ["ALL"], stage
        assert host["SecurityOpt"] == ["no-new-privileges"], stage
        writable = {one["Source"] for one in attributes["Mounts"] if one["RW"]}
        assert writable == {str(run), str(folder / "docker/deployed/tiny")}, stage
    train = next(attributes["HostConfig"] for stage, attributes in confined if stage == "train")
    assert train["Memory"] == train["MemorySwap"] == 4 * 2**30
    assert train["NanoCpus"] == os.cpu_count() * 10**9


def test_leaves_no_container_behind(in_containers, daemon):
    run, _ = in_containers
    assert daemon.containers.list(all=True, filters={"label": f"{runner.RUN_LABEL}={run}"}) == []


@pytest.fixture
def tasks(tmp_path, image):
    """Returns a function that runs a command as a task, and returns its exit code."""

    def run(daemon, command, **resources):
        values = {**CONFIG, "resources": {"stages": {"report": resources}}}
        tasks = runner._Tasks(Config.model_validate(values), tmp_path, image)
        return tasks.run(
            client=daemon, image="ignored", command=[*command, "--function_to_execute", "report"], volumes={}
        )

    return run


def test_a_missing_image_is_told_with_what_to_do(daemon):
    with pytest.raises(TrimtabError, match="make image IMAGE=trimtab:none"):
        runner.runner("trimtab:none")


def test_a_container_that_fails_at_once_is_a_failure(tasks, daemon):
    assert [tasks(daemon, ["sh", "-c", "exit 3"]) for _ in range(8)] == [3] * 8


def test_output_is_told_in_whole_lines(tasks, daemon, capsys):
    assert tasks(daemon, ["sh", "-c", "printf 'ä'; sleep 0.2; printf 'b\\nc'"]) == 0
    assert capsys.readouterr().out == "äb\nc\n"


def test_running_out_of_memory_is_told(tasks, daemon, capsys):
    assert tasks(daemon, ["python3", "-c", "bytearray(300_000_000)"], memory="64Mi") == 137
    assert "ran out of the memory" in capsys.readouterr().out


def test_a_command_that_does_not_exist_is_told(tasks, daemon, capsys):
    assert tasks(daemon, ["/no/such/program"]) == 1
    assert "could not be run" in capsys.readouterr().out


def test_sigterm_ends_the_containers_and_the_run_resumes(local, folder, image, daemon):
    output = folder / "stopped"
    command = [sys.executable, "-m", "trimtab", "run", str(folder / "tiny.yaml"), "--runner", "docker"]
    command += ["--image", image, "--output", str(output)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    for line in process.stderr:
        if "train" in line and "started" in line:
            break
    process.send_signal(signal.SIGTERM)
    process.stderr.read()
    assert process.wait(60) not in (0, 3)
    run = only_run(output)
    deadline = time.monotonic() + 30
    while daemon.containers.list(all=True, filters={"label": f"{runner.RUN_LABEL}={run}"}):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    subprocess.run([*command, "--resume", run.name], check=True, capture_output=True)
    weights = [
        json.loads((one / "stages/train.json").read_text())["summary"]["weights_sha256"]
        for one in (local, run)
    ]
    assert weights[0] == weights[1]
