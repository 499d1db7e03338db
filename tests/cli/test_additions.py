"""A format, input, task, architecture, pass, runtime and store of somebody else's, in one run."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from storage.objects.toy_store import ToyObjects

from trimtab.storage.objects.base import NOTHING
from trimtab.storage.objects.limits import DEFAULT

# What would be seven lines of the registry; every process of the run reads it as it starts.
LINES = """
from trimtab import registry

registry.READERS["jsonl"] = "data.readers.toy_reader"
registry.INPUTS["series"] = "data.kinds.toy_series"
registry.TASKS["toy"] = "tasks.toy_task"
registry.ARCHITECTURES["toy"] = "models.toy_architecture"
registry.PASSES["rounded"] = "compress.toy_pass"
registry.RUNTIMES["numpy"] = "numpy_runtime"
registry.STORES["toy"] = "storage.objects.toy_store"
"""
CONFIG = {
    "name": "toys",
    "data": {"train": "toy://bucket/rows.jsonl", "label": "label", "task": "toy"},
    "model": {"architecture": "toy", "params": {"units": 4}},
    "train": {"epochs": 20, "learning_rate": 0.05},
    "runtimes": ["litert", "numpy"],
    "recipes": [[{"rounded": 3}, "none"]],
    "budget": {"max_accuracy_drop": 0.9},
}


def rows() -> str:
    """Returns examples whose label depends on one number of their series."""
    drawn = random.Random(0)
    pairs = [(drawn.gauss(0, 1), drawn.gauss(0, 1)) for _ in range(600)]
    examples = ({"it": f"{a} {b}", "label": "yes" if a > 0 else "no"} for a, b in pairs)
    return "".join(f"{json.dumps(example)}\n" for example in examples)


def trimtab(*arguments: str, cwd: Path, tests: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command in a process that reads the lines as it starts."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(cwd), str(tests)])}
    command = [sys.executable, "-m", "trimtab", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    # 5: the baseline is deployed. Rounded weights are as many, and what is faster is up to the machine.
    assert done.returncode in (0, 5), done.stderr[-3000:]
    return done


@pytest.mark.slow
def test_what_was_added_goes_from_the_data_to_the_champion(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(LINES)
    (tmp_path / "toys" / "bucket").mkdir(parents=True)
    monkeypatch.setenv("TOY_STORE", str(tmp_path / "toys"))
    assert ToyObjects("toy", "bucket", DEFAULT).write("rows.jsonl", rows().encode(), NOTHING)
    (tmp_path / "toys.yaml").write_text(yaml.safe_dump(CONFIG))
    command = ("run", "toys.yaml", "--output", "toy://bucket/runs", "--json")
    done = trimtab(*command, cwd=tmp_path, tests=root / "tests")
    result = json.loads(done.stdout)
    tried = {(candidate["id"], candidate["runtime"]): candidate for candidate in result["candidates"]}
    assert len(tried) >= 3
    assert {runtime for _, runtime in tried} == {"litert", "numpy"}
    assert any("rounded" in name for name, _ in tried)
    assert all(candidate["ok"] for candidate in tried.values()), result
    assert all(candidate["metrics"]["accuracy"] > 0.9 for candidate in tried.values()), result
    assert ToyObjects("toy", "bucket", DEFAULT).find("runs/deployed/toys/champion.json")
    assert not (tmp_path / "runs").exists()
    command = ("predict", "toy://bucket/runs/deployed/toys", "--input", "toy://bucket/rows.jsonl")
    answers = map(json.loads, trimtab(*command, cwd=tmp_path, tests=root / "tests").stdout.splitlines())
    expected = [json.loads(line)["label"] for line in rows().splitlines()]
    right = [answer["label"] == label for answer, label in zip(answers, expected, strict=True)]
    assert sum(right) > 0.9 * len(right)
