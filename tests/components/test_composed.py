"""The example that composes components, one by one, with somebody else's training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

RUN = """
import sys
from kfp import local
from composed_pipeline import composed

local.init(local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[1] + "/artifacts")
composed(output=sys.argv[1] + "/runs")
"""


def python(root, *arguments):
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(root / "examples"),
    }
    return subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment, capture_output=True, text=True, check=False
    )


def test_it_compiles(root, tmp_path):
    done = python(root, root / "examples" / "composed_pipeline.py", tmp_path / "composed.yaml")
    assert done.returncode == 0, done.stderr
    compiled = yaml.safe_load((tmp_path / "composed.yaml").read_text())
    tasks = compiled["root"]["dag"]["tasks"]
    assert set(tasks) == {"their-training", "data-prep", "train", "prune", "quantize", "evaluate"}


@pytest.mark.slow
def test_it_runs(root, tmp_path):
    done = python(root, "-c", RUN, tmp_path)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    (record,) = tmp_path.glob("runs/*/stages/evaluate*.json")
    entries = json.loads(record.read_text())["entries"]
    assert {entry["name"] for entry in entries} >= {"none--none"}
    assert len(entries) == 2
    accuracies = [entry["summary"]["metrics"]["accuracy"] for entry in entries]
    assert min(accuracies) > 0.8
