"""A stand-in for the stages: the DAG's wiring is under test here, not the work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

STAND_IN = """
import json, os, sys
from pathlib import Path

OUTPUTS = {outputs}

def run(**arguments):
    stage, item = {stage!r}, arguments.get("recipe") or arguments.get("candidate") or ""
    with open(os.environ["CALLS"], "a") as calls:
        calls.write(f"{{stage}} {{item}} {{arguments['run']}}\\n")
    if os.environ.get("FAIL") == stage:
        sys.exit(2)
    with open(os.environ["CALLS"] + ".arguments", "a") as log:
        log.write(json.dumps({{"stage": stage, **arguments}}) + "\\n")
    if stage == "plan":
        Path(arguments["planned"]).parent.mkdir(parents=True, exist_ok=True)
        Path(arguments["planned"]).write_text('{{"the plans": "config"}}')
    for name in OUTPUTS:
        path = Path(arguments[name])
        path.mkdir(parents=True) if name != "html" else path.write_text("<p>report</p>")
    return {value}
"""
RUN = """
import sys
from unittest import mock
from kfp import local
from pipelines.{pipeline} import {pipeline}

sys.executable = "python3"
root = sys.argv[1] + "/artifacts"
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=root, raise_on_error=False)
with mock.patch("kfp.local.placeholder_utils.make_random_id", return_value="run-1"):
    {pipeline}(output=sys.argv[1], **{arguments})
"""
STAGES = {
    "check_data": ([], "os.environ['NEEDED'] == 'yes'"),
    "plan": (["champion"], "['none', 'channels-0.5']"),
    "data_prep": (["dataset"], "None"),
    "tune": (["hyperparameters"], "None"),
    "train": (["model"], "None"),
    "prune": (["pruned"], "None"),
    "shortlist": (["shortlist"], "['none--none', 'none--int8', 'channels-0.5--int8']"),
    "quantize": (["quantized"], "None"),
    "evaluate": (["evaluation"], "None"),
    "select": (["selection"], "os.environ['WITHIN'] == 'yes' and len(arguments['quantized']) == 3"),
    "compare": (["comparison"], "os.environ['BETTER'] == 'yes'"),
    "deploy": ([], "'somewhere'"),
    "report": (["html"], "{'metrics': {'accuracy': 0.5}, 'confusion': {'labels': ['a'], 'matrix': [[1]]}}"),
}


@pytest.fixture
def stand_in(tmp_path):
    """Returns a folder, with a space in its name, that shadows `trimtab.stages`."""
    package = tmp_path / "stand in" / "trimtab" / "stages"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package.parent / "__init__.py").touch()
    for stage, (outputs, value) in STAGES.items():
        (package / f"{stage}.py").write_text(STAND_IN.format(stage=stage, outputs=outputs, value=value))
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
