"""`trimtab retrain` on this machine: the whole pipeline on a small table that grows."""

import json

import pytest
from in_process import trimtab
from stages.retraining import rows

CONFIG = """\
name: blobs
data: {train: data, label: label, workers: 1}
model: {architecture: mlp, params: {layers: 2, units: 64}}
train: {epochs: 6, learning_rate: 0.01}
retrain: {epochs: 2}
recipes:
- {prune: none, quantize: [dynamic_int8]}
budget: {max_accuracy_drop: 0.1, objective: size}
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Returns a directory, with a space in its name, with a config and a month of data."""
    path = tmp_path_factory.mktemp("with space")
    (path / "config.yaml").write_text(CONFIG)
    (path / "data").mkdir()
    write(path, "january", rows(1200, seed=1))
    return path


def write(directory, month, lines):
    (directory / "data" / f"{month}.csv").write_text("\n".join(["x,y,label", *lines]) + "\n")


def retrain(directory, *options):
    done = trimtab(directory, "retrain", "config.yaml", "--json", *options)
    return done.returncode, json.loads(done.stdout), done.stderr


def test_a_dry_run_names_the_tasks_in_order(directory):
    done = trimtab(directory, "retrain", "config.yaml", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    tasks = [task["name"] for task in json.loads(done.stdout)["tasks"]]
    assert tasks[:3] == ["check_data", "plan", "data_prep"]
    assert tasks[-3:] == ["select", "deploy", "report"]


def test_force_and_reason_come_together(directory):
    done = trimtab(directory, "retrain", "config.yaml", "--force")
    assert done.returncode == 2
    assert "--force needs --reason" in done.stderr


def test_the_help_tells_the_exit_codes(directory):
    assert "or there is nothing new" in trimtab(directory, "retrain", "--help").stdout


@pytest.mark.slow
def test_a_model_in_service_and_its_data(directory, root):
    """One story, because each chapter takes the whole pipeline: first, nothing new, new rows."""
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((root / "schemas" / "result.schema.json").read_text())

    code, first, err = retrain(directory)
    assert code == 0, err
    jsonschema.validate(first, schema)
    assert (first["status"], first["retrain"]["start"]) == ("deployed", "scratch")
    target = directory / "runs" / "deployed" / "blobs"
    assert first["deployed"] == str(target / "1")

    code, nothing, err = retrain(directory)
    assert code == 0, err
    jsonschema.validate(nothing, schema)
    assert (nothing["status"], [task["name"] for task in nothing["tasks"]]) == ("up_to_date", ["check_data"])
    assert nothing["verdict"] == "Nothing new: the data is what champion v1 was trained on."
    assert "<html" in (directory / "runs" / nothing["run_id"] / "report.html").read_text()

    write(directory, "february", rows(300, seed=2))
    code, challenged, err = retrain(directory, "--set", "recipes=[{prune: none, quantize: [int8]}]")
    jsonschema.validate(challenged, schema)
    assert challenged["errors"] == [], err
    assert challenged["retrain"]["start"] == "champion v1"
    assert [one["id"] for one in challenged["candidates"]] == ["none--none", "none--dynamic_int8"]
    assert challenged["retrain"]["drift"]["rows_now"] > challenged["retrain"]["drift"]["rows_before"]
    found = challenged["retrain"]["comparison"]
    assert found["loss"]["examples"] == challenged["data"]["rows"]["test"]
    assert code == (0 if found["promote"] else 3)
    assert "epoch 2/2" in err

    for run in (first, nothing, challenged):
        shown = trimtab(directory, "report", run["run_id"])
        assert shown.returncode == 0
        assert " ".join(run["verdict"].split())[:40] in " ".join(shown.stdout.split())
