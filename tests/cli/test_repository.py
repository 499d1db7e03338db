"""`trimtab promote`, `rollback` and `history`, as a user calls them; the work is tested in tests/deploy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from in_process import trimtab as command
from served import predict

from trimtab.batch import INPUT, OUTPUT
from trimtab.data.dataset.dataset import Dataset
from trimtab.deploy import promotion
from trimtab.deploy.golden import Golden
from trimtab.storage import artifact


@pytest.fixture
def target(tmp_path, digits_dataset, linear_tflite):
    """Returns a repository of two versions."""
    data = Dataset.open(digits_dataset)
    x = data.arrays("test")[0][:4]
    for seed in (1, 2):
        weights = np.random.default_rng(seed).normal(size=(10, 64)).astype(np.float32)
        with artifact.create(tmp_path / "selection", "selection") as draft:
            (draft.path / "model.tflite").write_bytes(linear_tflite(weights, shape=(8, 8, 1)))
            y = predict(draft.path, data.model_input(x))
            Golden({INPUT: x}, {OUTPUT: y}, 1e-5).save(draft.path / "golden.npz")
        candidate = {"id": "none--int8", "metrics": {"accuracy": 0.9 + seed / 100}, "size_bytes": 1000 * seed}
        promotion.deploy(
            str(tmp_path / "models"),
            artifact.load(tmp_path / "selection", "selection"),
            (digits_dataset / "schema.json").read_bytes(),
            json.dumps({"candidate": candidate}),
        )
    return str(tmp_path / "models")


def trimtab(*arguments):
    return command(Path.cwd(), *arguments)


def test_back_and_forth(target):
    rollback = [sys.executable, "-m", "trimtab", "rollback", target, "--reason", "2 is slow"]
    back = subprocess.run(rollback, capture_output=True, text=True, timeout=300)
    assert (back.returncode, back.stderr) == (0, "")
    assert f"version 1 is the champion again at {target}/1; before it was 2" in back.stdout
    forth = trimtab("promote", target, "2")
    assert f"version 2 is the champion at {target}/2; before it was version 1" in forth.stdout
    assert "already is the champion" in trimtab("promote", target, "2").stdout

    shown = trimtab("history", target)
    assert shown.returncode == 0
    for text in (
        "92.00 %",
        "none--int8",
        "rollback 1 by",
        "2 is slow",
        f"Version 2 is the champion at {target}",
    ):
        assert text in " ".join(shown.stdout.split())
    found = json.loads(trimtab("history", target, "--json").stdout)
    assert (found["champion"], [one["version"] for one in found["versions"]]) == (2, [1, 2])
    assert [made["action"] for made in found["moves"]] == ["deploy", "deploy", "rollback", "promote"]


def test_what_cannot_be_done_is_one_message_and_an_exit_code(target):
    for arguments in (
        ("promote", target, "9"),
        ("rollback", target + "-none"),
        ("history", target + "-none"),
    ):
        done = trimtab(*arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr
    assert trimtab("promote", target, "0").returncode == 2
