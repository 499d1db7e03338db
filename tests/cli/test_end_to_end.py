"""The whole DAG on real digits, as a user starts it, from a directory with a space in its name."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from in_process import trimtab
from PIL import Image

from trimtab.storage import artifact

pytestmark = pytest.mark.slow

CONFIG = """\
name: digits
seed: 3
data: {train: "sklearn://digits"}
model: {architecture: cnn, params: {filters: 8}}
train: {epochs: 8, learning_rate: 0.005}
recipes:
- {prune: none, quantize: [int8]}
- {prune: {method: channels, ratio: 0.3, epochs: 3}, quantize: [dynamic_int8]}
budget: {max_accuracy_drop: 0.2}
"""


def started(directory, *arguments):
    """Runs a command as a user does, in a process of its own."""
    command = [Path(sys.executable).parent / "trimtab", *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=500)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("with space")
    (path / "config.yaml").write_text(CONFIG)
    (path / "csv.py").write_text("raise ImportError('a file of the user, not the module of this name')")
    return path


@pytest.fixture(scope="module")
def temporary(tmp_path_factory):
    return tmp_path_factory.mktemp("tmp")


@pytest.fixture(scope="module")
def finished(directory, temporary):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TMPDIR", str(temporary))
        done = started(directory, "run", "config.yaml", "--json")
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def result(finished):
    return json.loads(finished.stdout)


def test_stdout_holds_one_object_and_progress_goes_to_stderr(finished):
    assert len(finished.stdout.strip().splitlines()) == 1
    for said in ("data_prep", "train", "epoch 8/8", "prune channels-0.3", "evaluate none--int8", "report"):
        assert said in finished.stderr


def test_nothing_is_left_among_temporary_files(finished, temporary):
    assert list(temporary.iterdir()) == []


def test_the_result_is_what_its_schema_says(result, root, directory):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(result, json.loads((root / "schemas" / "result.schema.json").read_text()))
    assert json.loads((directory / "runs" / result["run_id"] / "result.json").read_text()) == result


def test_every_candidate_is_measured_and_one_is_deployed(result):
    assert result["status"] == "deployed"
    candidates = {one["id"]: one for one in result["candidates"]}
    (narrow,) = set(candidates) - {"none--none", "none--int8"}
    assert narrow.startswith("channels-0.3--dynamic_int8--")
    baseline, chosen = result["baseline"], candidates[result["chosen"]]
    assert baseline["metrics"]["accuracy"] > 0.8
    assert baseline["drop"]["observed"] == 0
    assert candidates["none--int8"]["size_bytes"] < baseline["size_bytes"] / 2
    assert candidates[narrow]["macs"] < baseline["macs"]
    for one in candidates.values():
        assert one["ok"], one["reasons"]
        assert one["drop"]["observed"] <= one["drop"]["upper_bound"]
        assert one["drop"]["examples"] == result["data"]["rows"]["test"]
        assert one["latency_ms"]["p50"] <= one["latency_ms"]["p95"] <= one["latency_ms"]["p99"]
    assert chosen["within_budget"]
    assert chosen["drop"]["upper_bound"] <= 0.2


def test_what_a_run_leaves_is_there_and_whole(result, directory):
    run = directory / "runs" / result["run_id"]
    assert "<html" in (run / "report.html").read_text()
    assert list((run / "tensorboard").rglob("events.out.tfevents.*"))
    manifests = list((directory / "runs" / "store").rglob("manifest.json"))
    kinds = {json.loads(manifest.read_text())["kind"] for manifest in manifests}
    assert {"dataset", "hyperparameters", "model", "file", "evaluation"} <= kinds
    for manifest in [*manifests, run / "selection" / "manifest.json"]:
        kind = json.loads(manifest.read_text())["kind"]
        artifact.load(manifest.parent, kind)


def test_the_deployed_model_predicts(result, directory):
    Image.new("L", (8, 8), 0).save(directory / "empty.png")
    target = directory / "runs" / "deployed" / "digits"
    done = trimtab(directory, "predict", str(target), "--input", "empty.png")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["label"] in result["data"]["classes"]
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=0.02)


def test_the_deployed_model_is_exported(result, directory):
    target = str(directory / "runs" / "deployed" / "digits")
    done = started(directory, "export", target, "--output", "exported")
    assert done.returncode == 0, done.stderr
    assert (directory / "exported" / "1" / "saved_model.pb").is_file()
    assert "serving_default: inputs float32 (batch, 8, 8, 1) -> outputs float32 (batch, 10)" in done.stdout
    assert f"{result['chosen']} is quantized" in done.stdout
    assert done.stderr == ""


def test_the_tasks_are_those_of_a_dry_run_but_for_the_report_that_lists_them(result, directory):
    planned = json.loads(trimtab(directory, "run", "config.yaml", "--dry-run", "--json").stdout)
    names = [task["name"] for task in planned["tasks"]]
    assert [task["name"] for task in result["tasks"]] == names[:-1]
    assert names[-1] == "report"
    assert not [task for task in result["tasks"] if task["reused"]]


def test_with_another_budget_nothing_is_trained_again(result, directory):
    done = trimtab(directory, "run", "config.yaml", "--json", "--set", "budget.max_accuracy_drop=0.3")
    again = json.loads(done.stdout)
    # The model in service is the first run's: the same one again is nothing new; another one, which the
    # latencies of this run may choose, is as good as it, and replaces it if it is cheaper.
    codes = {"up_to_date": 0, "champion_kept": 3, "deployed": 0}
    assert done.returncode == codes[again["status"]], done.stderr
    assert again["comparison"]["version"] == 1
    assert (again["status"] == "up_to_date") == (again["chosen"] == result["chosen"])
    reused = {task["name"] for task in again["tasks"] if task["reused"]}
    # The second shard has the trained model as it is: there is nothing to prune, and so nothing to use again.
    assert reused == {task["name"] for task in again["tasks"]} - {"prune 2/2", "select", "deploy"}
    assert "epoch" not in done.stderr
    for before, after in zip(result["candidates"], again["candidates"], strict=True):
        for field in ("id", "metrics", "size_bytes", "parameters", "drop"):
            assert after[field] == before[field], field


def test_the_report_command_shows_the_outcome(result, directory):
    done = trimtab(directory, "report", result["run_id"])
    assert done.returncode == 0
    assert result["chosen"] in done.stdout


def test_a_budget_that_nothing_meets_exits_with_3_and_deploys_nothing(directory):
    done = trimtab(
        directory,
        "run",
        "config.yaml",
        "--json",
        "--output",
        "strict",
        "--set",
        "budget.max_size_kb=0.5",
        "--set",
        "train.epochs=1",
        "--set",
        "recipes=[{prune: none}]",
    )
    assert done.returncode == 3, done.stderr
    result = json.loads(done.stdout)
    assert (result["status"], result["chosen"], result["deployed"]) == ("over_budget", None, None)
    assert "size" in result["candidates"][0]["reasons"][0]
    assert not (directory / "strict" / "deployed").exists()
