"""One task in a container: how it fails, is told, is stopped and goes on."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml
from docker.models.containers import Container
from kfp.local import docker_task_handler

from trimtab.cli import docker as runner
from trimtab.cli.pipeline import Pipeline
from trimtab.config.config import Config
from trimtab.errors import TrimtabError

pytestmark = [pytest.mark.container, pytest.mark.slow]

CONFIG = {
    "name": "tiny",
    "seed": 3,
    "data": {"train": "sklearn://digits"},
    "model": {"architecture": "mlp"},
    "train": {"epochs": 2, "batch_size": 128},
    "recipes": [{"prune": "none", "quantize": ["none"]}],
    "budget": {"max_accuracy_drop": 0.9},
}


@pytest.fixture
def tasks(tmp_path, image):
    """Returns a function that runs a command as a task, and returns its exit code."""

    def run(daemon, command, **resources):
        config = Config.model_validate({**CONFIG, "resources": {"stages": {"report": resources}}})
        with runner.runner(image)(Pipeline("optimize"), config, tmp_path, str(tmp_path)):
            return docker_task_handler.run_docker_container(
                client=daemon, image="x", command=[*command, "--function_to_execute", "report"], volumes={}
            )

    return run


def test_a_missing_image_is_told_with_what_to_do(daemon):
    with pytest.raises(TrimtabError, match="make image IMAGE=trimtab:none"):
        runner.runner("trimtab:none")


def test_an_image_of_other_code_is_warned_of(daemon, image, tmp_path, capsys):
    runner.runner(image)
    assert capsys.readouterr().err == ""
    (tmp_path / "other.py").write_text("")
    into = "/opt/trimtab/lib/python3.11/site-packages/trimtab/other.py"
    changed = daemon.containers.create(image)
    try:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(tmp_path / "other.py", into)
        changed.put_archive("/", archive.getvalue())
        other = changed.commit()
    finally:
        changed.remove()
    try:
        runner.runner(other.id)
        assert "holds another trimtab than this one" in capsys.readouterr().err
    finally:
        daemon.images.remove(other.id)


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


def test_a_container_that_starts_while_the_run_is_told_to_stop_is_ended(tmp_path, image, daemon, monkeypatch):
    start, told = Container.start, threading.Event()

    def start_too_late(self):
        os.kill(os.getpid(), signal.SIGTERM)
        assert told.wait(30)
        start(self)

    monkeypatch.setattr(Container, "start", start_too_late)
    command = ["sh", "-c", "sleep 30", "--function_to_execute", "report"]
    before = signal.signal(signal.SIGTERM, lambda *_: told.set())
    try:
        with (
            ThreadPoolExecutor(1) as loop,  # tasks of a loop run in threads
            runner.runner(image)(
                Pipeline("optimize"), Config.model_validate(CONFIG), tmp_path, str(tmp_path)
            ),
        ):
            task = loop.submit(docker_task_handler.run_docker_container, daemon, "x", command, {})
            assert task.result(60) == 137
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_a_killed_process_left_running_is_ended_before_its_run_goes_on(tmp_path, image, daemon):
    left = daemon.containers.run(
        image, ["600"], entrypoint="sleep", detach=True, labels={runner.RUN_LABEL: str(tmp_path)}
    )
    with runner.runner(image)(Pipeline("optimize"), Config.model_validate(CONFIG), tmp_path, str(tmp_path)):
        assert left.id not in {one.id for one in daemon.containers.list(all=True)}


def test_sigterm_ends_the_containers_and_the_run_resumes(tmp_path, image, daemon):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(CONFIG))
    command = [sys.executable, "-m", "trimtab", "run", str(tmp_path / "tiny.yaml"), "--output"]
    subprocess.run([*command, str(tmp_path / "local")], check=True, capture_output=True)
    command += [str(tmp_path / "stopped"), "--runner", "docker", "--image", image]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    for line in process.stderr:
        if "train" in line and "started" in line:
            break
    process.send_signal(signal.SIGTERM)
    process.stderr.read()
    assert process.wait(60) not in (0, 3)
    (run,) = (tmp_path / "stopped").glob("tiny-*")
    deadline = time.monotonic() + 30
    while daemon.containers.list(all=True, filters={"label": f"{runner.RUN_LABEL}={run}"}):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    subprocess.run([*command, "--resume", run.name], check=True, capture_output=True)
    (uninterrupted,) = (tmp_path / "local").glob("tiny-*")
    weights = [
        json.loads((one / "stages/train.json").read_text())["summary"]["weights_sha256"]
        for one in (uninterrupted, run)
    ]
    assert weights[0] == weights[1]
