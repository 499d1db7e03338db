import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import forkserver
from pathlib import Path

import pytest
from kfp import dsl, local
from kfp.local import subprocess_task_handler

from trimtab.cli.pipeline import Pipeline
from trimtab.cli.processes import processes
from trimtab.config.config import Config
from trimtab.stages.parent_death import RUNNER

TASK = """\
import os, signal, sys
from kfp.dsl import *

def {stage}(what: str):
    print("said on stdout", os.environ.get("TASK_VARIABLE"), os.environ["_KFP_RUNTIME"], os.getcwd())
    print("said on stderr", file=sys.stderr)
    print("tensorflow" in sys.modules, "sklearn" in sys.modules, "kfp.client" in sys.modules, os.getpid())
    if what == "exit":
        sys.exit(7)
    if what == "raise":
        raise ValueError("what went wrong")
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
"""


def command(stage, what):
    executor_input = {"inputs": {"parameterValues": {"what": what}}, "outputs": {"outputFile": os.devnull}}
    script = (
        'directory=$(mktemp -d); printf "%s" "$0" > "$directory/ephemeral_component.py"; '
        "_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main "
        '--component_module_path "$directory/ephemeral_component.py" "$@"'
    )
    task = TASK.format(stage=stage)
    arguments = ["--executor_input", json.dumps(executor_input), "--function_to_execute", stage]
    return ["sh", "-ec", script, task, *arguments]


def config(algorithm="random"):
    sections = {"data": {"train": "x"}, "model": {"architecture": "mlp"}, "tune": {"algorithm": algorithm}}
    return Config.model_validate(sections)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

    def run(stage, what="end", algorithm="random"):
        with processes(Pipeline("optimize"), config(algorithm), tmp_path, str(tmp_path)):
            return subprocess_task_handler.run_local_subprocess(
                command(stage, what), {"TASK_VARIABLE": "set"}
            )

    return run


@pytest.mark.parametrize(
    ("stage", "algorithm", "imported"),
    [
        ("train", "bayesian", True),
        ("tune", "random", True),
        ("tune", "bayesian", False),
        ("report", "random", True),
        ("data_prep", "random", False),
        ("select", "random", True),
    ],
)
def test_a_task_is_a_process_of_its_own_that_says_what_it_says(
    run, capsys, tmp_path, stage, algorithm, imported
):
    assert run(stage, algorithm=algorithm) == 0
    out = capsys.readouterr().out
    assert f"said on stdout set true {tmp_path}" in out
    assert "said on stderr" in out
    *found, pid = next(line for line in out.splitlines() if line.startswith(("True", "False"))).split()
    assert found == [str(imported), "False", "False"]
    assert int(pid) != os.getpid()
    assert "TASK_VARIABLE" not in os.environ


@pytest.mark.parametrize(("what", "code"), [("exit", 7), ("raise", 1), ("die", -signal.SIGKILL)])
def test_a_forked_task_ends_with_the_code_of_its_process(run, capsys, what, code):
    assert run("train", what) == code
    assert ("what went wrong" in capsys.readouterr().out) == (what == "raise")


def test_a_task_that_ends_while_another_starts_is_no_failure(run, monkeypatch):
    read, calls, is_ending = forkserver.read_signed, [], threading.Event()

    def slowly(sentinel):
        if threading.current_thread() is first:
            calls.append(sentinel)
            if len(calls) == 2:  # the first number is the process, the second its exit code
                is_ending.set()
                time.sleep(0.3)
        return read(sentinel)

    codes = []
    first = threading.Thread(
        target=lambda: codes.append(subprocess_task_handler.run_local_subprocess(task, {}))
    )
    task = command("train", "end")
    monkeypatch.setattr(forkserver, "read_signed", slowly)
    with processes(Pipeline("optimize"), config(), Path.cwd(), str(Path.cwd())):
        first.start()
        is_ending.wait(60)
        codes.append(subprocess_task_handler.run_local_subprocess(task, {}))
        first.join(60)
    assert codes == [0, 0]


def test_kfp_starts_processes_of_its_own_again_afterwards(run, tmp_path):
    before = subprocess_task_handler.run_local_subprocess
    with processes(Pipeline("optimize"), config(), tmp_path, str(tmp_path)) as runner:
        assert isinstance(runner, local.SubprocessRunner)
        assert subprocess_task_handler.run_local_subprocess is not before
    assert subprocess_task_handler.run_local_subprocess is before


def test_a_pipeline_of_forked_tasks_hands_on_its_outputs(tmp_path):
    @dsl.component(base_image="python:3.11", install_kfp_package=False)
    def train(n: int) -> int:
        return n + 1

    @dsl.pipeline
    def twice(n: int) -> int:
        return train(n=train(n=n).output).output

    with processes(Pipeline("optimize"), config(), tmp_path, str(tmp_path)) as runner:
        local.init(runner, pipeline_root=str(tmp_path / "artifacts"), raise_on_error=True)
        assert twice(n=1).outputs == {"Output": 3}


def test_without_a_fork_server_every_task_starts_afresh_and_that_is_said(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(forkserver, "ensure_running", cannot_start)
    with processes(Pipeline("optimize"), config(), tmp_path, str(tmp_path)):
        for stage in ("data_prep", "train"):
            assert subprocess_task_handler.run_local_subprocess(command(stage, "end"), {}) == 0
    said = capsys.readouterr()
    assert said.err.count("AF_UNIX path too long") == 1
    assert "True" not in said.out


def test_where_there_may_be_nothing_to_do_nothing_is_imported_for_it(run, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(forkserver, "ensure_running", lambda: started.append(os.environ[RUNNER]))
    with processes(Pipeline("retrain"), config(), tmp_path, str(tmp_path)):
        for stage in ("check_data", "report"):
            assert subprocess_task_handler.run_local_subprocess(command(stage, "end"), {}) == 0
        assert started == []
        subprocess_task_handler.run_local_subprocess(command("data_prep", "end"), {})
    assert started == [str(os.getpid())]


def cannot_start():
    raise OSError("AF_UNIX path too long")


SERVER = """
import importlib, os, time
import_module = importlib.import_module

def slow(name, package=None):
    if name == "kfp.dsl.executor_main":
        print(os.getpid(), flush=True)
        time.sleep(600)
    return import_module(name, package)

importlib.import_module = slow
import trimtab.cli.preload
"""
STARTER = f"""
import os, subprocess, sys
subprocess.run([sys.executable, '-c', {SERVER!r}], env={{**os.environ, {RUNNER!r}: str(os.getpid())}})
"""


def test_a_fork_server_ends_with_who_started_it_whatever_it_is_importing():
    with subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True) as starter:
        server = os.pidfd_open(int(starter.stdout.readline()))
        starter.kill()
        assert select.select([server], [], [], 60)[0], "it lives on"
    os.close(server)


def test_a_fork_server_imports_nothing_for_a_run_that_ended_before_it():
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    server = subprocess.run(
        [sys.executable, "-c", "import trimtab.cli.preload\nprint('imported')"],
        env={**os.environ, RUNNER: str(ended.pid)},
        check=False,
        capture_output=True,
    )
    assert (server.returncode, server.stdout) == (-signal.SIGKILL, b"")
