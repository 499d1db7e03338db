"""`trimtab retrain`, a container per task: nothing new, new data, and what it made of the champion."""

import csv
import json
import random
import subprocess
import sys

import pytest
import yaml

pytestmark = [pytest.mark.container, pytest.mark.slow]

CONFIG = {
    "name": "sums",
    "data": {"train": "rows", "label": "large"},
    "model": {"architecture": "mlp", "params": {"units": 16}},
    "train": {"epochs": 4, "learning_rate": 0.01},
    "recipes": [{"prune": "none", "quantize": ["none"]}],
    "budget": {"max_accuracy_drop": 0.9},
}


def add_rows(folder, name, rows):
    draw = random.Random(name)
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "large"])
        for _ in range(rows):
            a, b = draw.random(), draw.random()
            writer.writerow([a, b, "yes" if a + b > 1 else "no"])


@pytest.fixture
def trimtab(tmp_path, image):
    """Returns a function that runs a pipeline in containers, and returns its exit code and its result."""
    (tmp_path / "sums.yaml").write_text(yaml.safe_dump(CONFIG))
    options = ["--runner", "docker", "--image", image, "--output", str(tmp_path / "runs"), "--json"]

    def run(command):
        arguments = [sys.executable, "-m", "trimtab", command, str(tmp_path / "sums.yaml"), *options]
        done = subprocess.run(arguments, capture_output=True, text=True)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


def test_it_judges_the_champion_on_new_data_and_does_nothing_without(trimtab, tmp_path):
    add_rows(tmp_path / "rows", "monday.csv", 2000)
    code, result = trimtab("run")
    assert (code, result["status"]) == (0, "deployed")

    code, result = trimtab("retrain")
    assert (code, result["status"]) == (0, "up_to_date")

    add_rows(tmp_path / "rows", "tuesday.csv", 1000)
    code, result = trimtab("retrain")
    assert (code, result["status"]) in {(0, "deployed"), (3, "champion_kept")}
    assert "tuesday.csv" in str(result["retrain"]["changes"]["added"])
    assert result["retrain"]["start"] == "champion v1"
    assert result["retrain"]["comparison"]
    champion = json.loads((tmp_path / "runs/deployed/sums/champion.json").read_text())
    assert champion["version"] == (2 if result["status"] == "deployed" else 1)
