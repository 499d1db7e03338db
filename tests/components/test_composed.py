"""The example that composes components, one by one, with somebody else's training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from in_process import all_forked
from kfp import local

from trimtab.cli import kfp_local
from trimtab.cli.pipeline import Pipeline
from trimtab.cli.processes import processes
from trimtab.config.config import Config


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
def test_it_runs(root, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(root / "examples")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    from composed_pipeline import CONFIG, composed

    config = Config.model_validate({**CONFIG, "model": {"architecture": "cnn"}})
    with (
        kfp_local.logging_restored(),
        kfp_local.interpreter("python3"),
        all_forked(),  # all that are trimtab's
        processes(Pipeline(), config, tmp_path, str(tmp_path)) as runner,
    ):
        local.init(runner, pipeline_root=str(tmp_path / "artifacts"))
        composed(output=str(tmp_path / "runs"))
    (record,) = tmp_path.glob("runs/*/stages/evaluate*.json")
    entries = json.loads(record.read_text())["entries"]
    assert {entry["name"] for entry in entries} >= {"none--none"}
    assert len(entries) == 2
    accuracies = [entry["summary"]["metrics"]["accuracy"] for entry in entries]
    assert min(accuracies) > 0.8
