import json
from pathlib import Path

import pytest
import yaml
from in_process import trimtab

from trimtab.cli import main

CONFIG = """\
name: tiny
data: {train: "sklearn://digits"}
budget: {max_accuracy_drop: 0.03}
model: {architecture: cnn}
recipes:
- prune: {method: channels, ratio: 0.5}
  quantize: [int8]
"""


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    return file


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return caught.value.code, *capsys.readouterr()


def test_dry_run_prints_the_resolved_config_and_the_tasks_and_runs_nothing(config, capsys, tmp_path):
    code, out, _ = run(
        capsys,
        "run",
        config,
        "--dry-run",
        *("--set", "train.epochs=3", "--set", "resources.parallel=2"),
        *("--output", tmp_path / "runs"),
    )
    assert code == 0
    resolved = yaml.safe_load(out)
    assert resolved["train"]["epochs"] == 3
    assert resolved["deploy"]["target"] == str(tmp_path / "runs" / "deployed" / "tiny")
    assert "# prune 1/2    channels-0.5\n# prune 2/2    none\n" in out
    assert not (tmp_path / "runs").exists()


def test_dry_run_says_what_the_test_rows_can_prove(config, capsys):
    said = "351 test rows can prove a drop of 0.86 points at best, if every answer stays"
    code, out, _ = run(capsys, "run", config, "--dry-run")
    assert (code, f"# {said}\n" in out) == (0, True)
    code, out, _ = run(capsys, "run", config, "--dry-run", "--json")
    (reach,) = json.loads(out)["reach"]
    assert (code, reach["examples"], reach["needed"]) == (0, 351, 100)


def test_dry_run_ends_with_4_where_no_candidate_can_meet_the_budget(config, capsys):
    tight = ("--set", "budget.max_accuracy_drop=0.005")
    code, out, err = run(capsys, "run", config, "--dry-run", "--json", *tight)
    assert (code, len(json.loads(out)["reach"])) == (4, 1)
    assert "602 would be needed for 0.5" in err
    assert "budget.proof: estimate" in err
    assert run(capsys, "run", config, "--dry-run", *tight, "--set", "budget.proof=estimate")[0] == 0


def test_dry_run_says_nothing_of_rows_that_are_not_here(config, capsys):
    options = ("--set", "data.train=gs://nowhere/rows.csv", "--set", "data.label=y")
    code, out, _ = run(capsys, "run", config, "--dry-run", "--json", *options)
    assert (code, json.loads(out)["reach"]) == (0, None)


def test_dry_run_as_json_names_the_tasks_in_order(config, capsys):
    code, out, _ = run(capsys, "run", config, "--dry-run", "--json", "--set", "resources.parallel=2")
    plan = json.loads(out)
    assert code == 0
    assert plan["shards"] == ["1/2", "2/2"]
    assert [task["name"] for task in plan["tasks"]] == [
        "data_prep",
        "tune",
        "train",
        "prune 1/2",
        "prune 2/2",
        "quantize 1/2",
        "quantize 2/2",
        "evaluate 1/2",
        "evaluate 2/2",
        "select",
        "deploy",
        "report",
    ]


@pytest.mark.parametrize(("parallel", "shards"), [(1, ["1/1"]), (2, ["1/2", "2/2"]), (32, ["1/2", "2/2"])])
def test_there_are_never_more_shards_than_branches(config, capsys, parallel, shards):
    options = ["--dry-run", "--json", "--set", f"resources.parallel={parallel}"]
    assert json.loads(run(capsys, "run", config, *options)[1])["shards"] == shards


def test_an_unusable_config_exits_with_2_and_one_message(config, capsys, tmp_path):
    code, out, err = run(capsys, "run", config, "--set", "train.epohcs=3", "--output", tmp_path / "runs")
    assert (code, out) == (2, "")
    assert err.startswith("error: --set: train.epohcs: unknown field; did you mean epochs?")
    assert not (tmp_path / "runs").exists()


def test_an_unknown_command_or_option_exits_with_2(capsys):
    assert run(capsys, "ruin")[0] == 2
    assert run(capsys, "run", "x.yaml", "--dri-run")[0] == 2


def test_there_is_nothing_to_resume(config, capsys, tmp_path):
    code, _, err = run(capsys, "run", config, "--resume", "none", "--output", tmp_path)
    assert code == 2
    assert "no such run" in err


def test_unusable_data_exits_with_2_and_still_writes_a_report(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("data: {train: missing.csv, label: y}\nmodel: {architecture: mlp}\n")
    done = trimtab(tmp_path, "run", "config.yaml", "--json", "--output", str(tmp_path / "runs"))
    assert done.returncode == 2, done.stderr
    result = json.loads(done.stdout)
    assert result["status"] == "failed"
    assert "missing.csv" in result["errors"][0]["message"]
    assert "Traceback" not in done.stderr
    assert "missing.csv" in (tmp_path / "runs" / result["run_id"] / "report.html").read_text()


@pytest.mark.parametrize("output", ["ftp://bucket/runs", "gs://Bad_Bucket/runs"])
def test_an_output_that_is_no_place_for_runs_is_told_before_anything_is_made(
    config, capsys, tmp_path, output
):
    code, _, err = run(capsys, "run", config, "--output", output)
    assert code == 2
    assert f"error: {output}: expected " in err
    assert not Path("ftp:").exists()


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("config.yaml/x.yaml", "config.yaml/x.yaml: it cannot be used: File exists"),
        ("directory", "directory: it cannot be used: Is a"),
        ("/proc/x.yaml", "x.yaml"),
    ],
)
def test_a_place_that_cannot_be_written_is_named(config, capsys, tmp_path, place, named):
    (tmp_path / "directory").mkdir()
    code, _, err = run(capsys, "compile", config, "--output", tmp_path / place)
    assert code == 1
    assert err.startswith("error: ")
    assert named in err
