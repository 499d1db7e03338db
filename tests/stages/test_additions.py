"""A stage of somebody else's: a file of work, a line in the table, a component, and its place in a DAG."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

# What would be a line of the table; every process of the run reads it as it starts.
LINE = """
from trimtab.config import stages

lines = {**stages.STAGES}
stages.STAGES.clear()
for name, stage in lines.items():
    stages.STAGES[name] = stage
    if name == "data_prep":
        stages.STAGES["count_rows"] = stages._stage("count_rows", ("optimize",))
"""
# What would be the wiring in `pipelines/optimize.py`.
COMMAND = """
import json
import sys
from stages import toy_pipeline
sys.modules["pipelines.optimize"] = toy_pipeline
from trimtab.cli import main

for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as ended:
        print("ended with", ended.code)
"""
CONFIG: dict[str, Any] = {
    "name": "counted",
    "data": {"train": "rows.csv", "label": "label"},
    "model": {"architecture": "mlp", "params": {"units": 16}},
    "train": {"epochs": 10, "learning_rate": 0.05},
    "recipes": [["none"]],
    "budget": {"max_accuracy_drop": 0.9},
    "resources": {"stages": {"count_rows": {"timeout_s": 60}}},
}
ROWS = "a,b,label\n" + "".join(f"{i * 7 % 301},{i * i},{'yes' if i % 7 > 3 else 'no'}\n" for i in range(300))


def trimtab(root: Path, directory: Path, *commands: list[str]) -> tuple[list[tuple[str, int]], str]:
    """Runs commands, in one process, where the stage is one of the others.

    Returns:
        What each printed and its exit code; and what all said besides.
    """
    (directory / "sitecustomize.py").write_text(LINE)
    (directory / "rows.csv").write_text(ROWS)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(directory), str(root / "tests")])}
    command = [sys.executable, "-c", COMMAND, json.dumps(commands)]
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)
    ended = re.findall(r"(.*?)ended with (\d+)\n", done.stdout, re.DOTALL)
    assert len(ended) == len(commands), done.stderr[-3000:]
    return [(printed, int(code)) for printed, code in ended], done.stderr[-3000:]


def test_it_is_planned_and_gets_resources_and_a_place_in_the_dag(root: Path, tmp_path: Path) -> None:
    (tmp_path / "counted.yaml").write_text(yaml.safe_dump(CONFIG))
    unknown = {**CONFIG, "resources": {"stages": {"count_row": {"timeout_s": 60}}}}
    (tmp_path / "unknown.yaml").write_text(yaml.safe_dump(unknown))
    (planned, refused), said = trimtab(
        root,
        tmp_path,
        ["run", "counted.yaml", "--dry-run", "--json"],
        ["run", "unknown.yaml", "--dry-run"],
    )
    assert planned[1] == 0, said
    assert [task["name"] for task in json.loads(planned[0])["tasks"]][:3] == [
        "data_prep",
        "count_rows",
        "tune",
    ]
    assert refused[1] == 2
    assert "count_rows" in said


@pytest.mark.slow
def test_it_runs_is_reported_and_ends_a_run_when_it_fails(root: Path, tmp_path: Path) -> None:
    (tmp_path / "counted.yaml").write_text(yaml.safe_dump(CONFIG))
    command = ["run", "counted.yaml", "--output", "runs", "--json"]
    (made, failed), said = trimtab(root, tmp_path, command, [*command, "--set", "name=refused"])
    assert made[1] in (0, 5), said  # the baseline is all that there is to deploy
    result = json.loads(made[0])
    assert [task["name"] for task in result["tasks"]][:3] == ["data_prep", "count_rows", "tune"]
    record = json.loads(next(tmp_path.glob("runs/counted-*/stages/count_rows.json")).read_text())
    assert record["ok"]
    assert record["summary"] == {"rows": 300}
    assert failed[1] == 2, said
    result = json.loads(failed[0])
    assert [(error["stage"], error["exit_code"]) for error in result["errors"]] == [("count_rows", 2)]
    assert [task["name"] for task in result["tasks"]] == ["data_prep", "count_rows"]
