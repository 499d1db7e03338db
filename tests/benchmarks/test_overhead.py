"""What `trimtab run` is measured against does the same work: all of the DAG's stages, in one process."""

import json
import subprocess
import sys

import pytest
import yaml

CONFIG = {
    "data": {"train": "sklearn://digits"},
    "model": {"architecture": "mlp", "params": {"units": 32}},
    "train": {"epochs": 2},
    "recipes": [{"prune": "none", "quantize": ["none", "int8"]}],
    "budget": {"max_accuracy_drop": 0.9},
}


@pytest.mark.slow
def test_one_process_does_all_that_the_pipeline_does(root, tmp_path):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(CONFIG))
    command = [sys.executable, str(root / "benchmarks/overhead.py"), str(tmp_path / "tiny.yaml"), "--plain"]
    subprocess.run([*command, str(tmp_path)], check=True, capture_output=True)
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["status"] == "deployed"
    assert [one["ok"] for one in result["candidates"]] == [True, True]
