"""A stand-in for the stages: the DAG's wiring is under test here, not the work."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

STAND_IN = """
import json, os, sys

def run(**arguments):
    stage, shard = {stage!r}, arguments.get("shard", "-")
    with open(os.environ["CALLS"], "a") as calls:
        calls.write(f"{{stage}} {{shard}} {{arguments['run_uri']}}\\n")
    if os.environ.get("FAIL") in (stage, f"{{stage}} {{shard}}"):
        sys.exit(2)
    with open(os.environ["CALLS"] + ".arguments", "a") as log:
        log.write(json.dumps({{"stage": stage, **arguments}}) + "\\n")
    if stage == "report":
        open(arguments["html"], "w").write("<p>report</p>")
    return {value}

def run_and_show(directory, *given):
    given = dict(zip(("shard", "dataset", "quantized"), given, strict=True))
    return run(run_uri=directory, **given), {{"a accuracy": 0.5}}, {{}}
"""
TOKENS = """
def directory(output, run):
    return f"{output.rstrip('/')}/{run}"

def prepared(run, dataset):
    return dataset, *[run.rpartition("/")[2]] * 2
"""
RUN = """
import os, sys, tempfile
from unittest import mock
from kfp import local
from kfp.dsl.executor_main import executor_main
from kfp.local import subprocess_task_handler
from pipelines.{pipeline} import {pipeline}

def run_forked(full_command, env_vars=None):
    task = os.fork()
    if task:
        return os.waitstatus_to_exitcode(os.waitpid(task, 0)[1])
    code = 1
    try:
        arguments = full_command.index("--executor_input")
        component = tempfile.mkdtemp(dir=os.path.dirname(os.environ["CALLS"])) + "/ephemeral_component.py"
        with open(component, "w") as file:
            file.write(full_command[arguments - 1])
        sys.argv = [component, "--component_module_path", component, *full_command[arguments:]]
        executor_main()
        code = 0
    except SystemExit as error:
        code = error.code
    finally:
        os._exit(code)

root = sys.argv[1] + "/artifacts"
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=root, raise_on_error=False)
with (
    mock.patch("kfp.local.placeholder_utils.make_random_id", return_value="run-1"),
    # A process a task, which has imported KFP already: that takes longer than all that a stand-in does.
    mock.patch.object(subprocess_task_handler, "run_local_subprocess", run_forked),
):
    {pipeline}(output=sys.argv[1], **{arguments})
"""
STAGES = {
    "check_data": "os.environ['NEEDED'] == 'yes'",
    "plan": "None",
    "data_prep": "'dataset/0'",
    "tune": "'hyperparameters/0'",
    "train": "'model/0'",
    "prune": "f'pruned/{shard}'",
    "quantize": "f'quantized/{shard}'",
    "evaluate": "f'evaluation/{shard}'",
    "select": "os.environ['WITHIN'] == 'yes'",
    "compare": "os.environ['BETTER'] == 'yes'",
    "deploy": "'somewhere'",
    "report": "{'metrics': {'accuracy': 0.5}, 'confusion': {'labels': ['a'], 'matrix': [[1]]}}",
}


@pytest.fixture
def stand_in(tmp_path):
    """Returns a folder, with a space in its name, that shadows `trimtab.stages`."""
    package = tmp_path / "stand in" / "trimtab" / "stages"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package.parent / "__init__.py").touch()
    (package / "tokens.py").write_text(TOKENS)
    for stage, value in STAGES.items():
        (package / f"{stage}.py").write_text(STAND_IN.format(stage=stage, value=value))
    return tmp_path / "stand in"


@pytest.fixture
def run_dag(stand_in, tmp_path, root):
    """Returns a function that runs a DAG with stand-in stages, and returns the calls that it made."""

    def run(pipeline, arguments, **environment):
        log = tmp_path / "calls"
        changed = {
            "CALLS": str(log),
            "PYTHONPATH": f"{stand_in}{os.pathsep}{root}",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            **environment,
        }
        output = tmp_path / "out put"
        code = RUN.format(pipeline=pipeline, arguments=arguments)
        done = subprocess.run(
            [sys.executable, "-c", code, str(output)],
            env=os.environ | changed,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        lines = [line.split(" ", 2) for line in log.read_text().splitlines()]
        assert {run for _, _, run in lines} == {f"{output}/run-1"}
        return [stage for stage, _, _ in lines]

    return run


@pytest.fixture
def given(tmp_path):
    """Returns a function that returns what a stage was called with, once for each call."""

    def read(stage):
        lines = (tmp_path / "calls.arguments").read_text().splitlines()
        return [one for one in map(json.loads, lines) if one["stage"] == stage]

    return read
