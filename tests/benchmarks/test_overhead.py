"""What `trimtab run` is measured against does the same work: all of the DAG's stages, in one process."""

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_one_process_does_all_that_the_pipeline_does(root, tmp_path):
    script, config = root / "benchmarks/overhead.py", root / "benchmarks/smoke.yaml"
    command = [sys.executable, str(script), str(config), "--plain", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["status"] == "deployed"
    assert [one["ok"] for one in result["candidates"]] == [True, True]
