"""The contract with what `kfp.local` does not publish: an upgrade of KFP that breaks it, breaks here."""

import builtins
import json
import logging
import sys
import threading
from pathlib import Path
from unittest import mock

import pytest
from kfp import dsl, local

from pipelines.optimize import optimize
from trimtab.cli import kfp_local

IN_PYTHON = {"base_image": "python:3.11", "install_kfp_package": False}


@dsl.component(**IN_PYTHON)
def say(what: str) -> str:
    print("said")
    return what


@dsl.component(**IN_PYTHON)
def fail(run_id: str):
    raise ValueError(run_id)


@dsl.pipeline
def saying(what: str) -> str:
    return say(what=what).output


@dsl.pipeline
def failing():
    fail(run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER)


@dsl.pipeline
def looping(items: list[str]):
    with dsl.ParallelFor(items) as item:
        say(what=item)


@pytest.fixture
def run(tmp_path):
    """Returns a function that runs a pipeline whose tasks a function starts, and what a failure says."""

    def run(pipeline, start, **arguments):
        with kfp_local.logging_restored(), kfp_local.processes(start) as runner:
            return kfp_local.run(pipeline, arguments, runner, run_id="run-1", root=tmp_path / "artifacts")

    return run


def executed(command):
    """Does what a task's process does, but for its exit, and writes no file of this process."""
    before = sys.argv, sys.path[:]
    try:
        kfp_local.Command(command).execute()
    finally:
        sys.argv, sys.path[:] = before


def test_a_command_names_its_stage_and_is_executed_in_this_process(run, tmp_path, capsys):
    commands = []

    def start(afresh, command, environment):
        commands.append(command)
        executed(command)
        return 0

    assert run(saying, start, what='it\'s a "word"') is None
    assert [kfp_local.Command(command).stage for command in commands] == ["say"]
    assert "said" in capsys.readouterr().out
    assert local.config.LocalExecutionConfig.instance.pipeline_root == str(tmp_path / "artifacts")


def test_kfps_own_start_gets_the_runs_id_by_the_interpreters_name(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    before = sys.executable
    with kfp_local.interpreter("python3"):
        said = run(failing, lambda afresh, command, environment: afresh(command, environment))
    assert sys.executable == before
    assert "fail" in said
    assert "ValueError: run-1" in capsys.readouterr().out


@pytest.mark.parametrize("count", [1, 3])
def test_so_many_tasks_of_a_loop_run_at_once(run, count):
    running, most, lock = 0, 0, threading.Lock()
    full = threading.Event()

    def start(afresh, command, environment):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        if running == count:
            full.set()
        full.wait(5)
        executor_input = json.loads(command[command.index("--executor_input") + 1])
        file = Path(executor_input["outputs"]["outputFile"])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"parameterValues": {"Output": "x"}}))
        with lock:
            running -= 1
        return 0

    with kfp_local.at_once(count):
        assert run(looping, start, items=["a", "b", "c"]) is None
    assert most == count


def test_containers_start_by_the_function_that_is_given(tmp_path):
    commands = []

    def start(client, image, command, volumes, environment=None):
        commands.append(command)
        return 1

    with mock.patch("docker.from_env"), kfp_local.logging_restored(), kfp_local.containers(start) as runner:
        said = kfp_local.run(saying, {"what": "x"}, runner, run_id="run-1", root=tmp_path)
    assert "say" in said
    assert [kfp_local.Command(command).stage for command in commands] == ["say"]


def test_the_order_of_tasks_is_that_of_the_pipeline_with_those_in_sub_pipelines():
    made = ["data_prep", "tune", "train", "prune", "quantize", "evaluate"]
    stages = [*made, "select", "deploy", "report"]
    assert kfp_local.task_order(optimize) == stages


def test_print_and_the_root_logger_are_as_before(run):
    before = builtins.print, logging.getLogger().handlers[:], logging.getLogger().level
    run(saying, lambda afresh, command, environment: 1, what="x")
    assert (builtins.print, logging.getLogger().handlers, logging.getLogger().level) == before
