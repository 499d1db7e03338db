"""`trimtab compress` as a user starts it, on a binary classifier of raw columns."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_process import trimtab as command

NAMES = ["age", "income", "visits"]


def trimtab(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return command(directory, "compress", *arguments)


def _write_rows(path: Path, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal([45, 30_000, 4], [12, 9_000, 2], (rows, 3)).round(3)
    score = (x[:, 0] - 45) / 12 - (x[:, 1] - 30_000) / 9_000 + rng.normal(0, 0.3, rows)
    y = np.where(score > 0, "yes", "no")
    lines = [",".join([*map(str, row), label]) for row, label in zip(x, y, strict=True)]
    path.write_text("\n".join([",".join([*NAMES, "churned"]), *lines]) + "\n")
    return x.astype(np.float32), y


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a directory with a model of one probability that begins with a Normalization, and rows."""
    import keras

    path = tmp_path_factory.mktemp("with space")
    _write_rows(path / "test.csv", 2000, seed=1)
    x, y = _write_rows(path / "train.csv", 1500, seed=2)
    normalization = keras.layers.Normalization()
    normalization.adapt(x)
    hidden = keras.layers.Dense(64, activation="relu")
    head = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Sequential([keras.Input((3,)), normalization, hidden, head])
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    model.fit(x, (y == "yes").astype(np.float32), epochs=8, verbose=0)
    model.save(path / "Churn.keras")
    return path


ROWS = ("Churn.keras", "--data", "test.csv", "--label", "churned")


def _planned(directory: Path, *arguments: str) -> dict[str, Any]:
    done = trimtab(directory, *ROWS, *arguments, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    planned: dict[str, Any] = json.loads(done.stdout)
    return planned


def test_a_dry_run_shows_what_is_set_aside_and_left_out(directory: Path) -> None:
    planned = _planned(directory)
    assert [task["name"] for task in planned["tasks"]] == [
        "data_prep",
        "train",
        "prune 1/1",
        "quantize 1/1",
        "evaluate 1/1",
        "select",
        "deploy",
        "report",
    ]
    config = planned["config"]
    assert config["train"]["epochs"] == 0
    assert config["train"]["fine_tuning"] is False
    assert config["data"]["split"] | {"validation": 0.5, "test": 0.8} == config["data"]["split"]
    assert config["name"] == "churn"
    left_out = {one["candidate"]: one["reason"] for one in planned["left_out"]}
    assert [name for name in left_out if name.startswith("channels-0.25--int8")]
    assert all("--train" in reason for reason in left_out.values())
    with_rows = _planned(directory, "--train", "train.csv")
    assert with_rows["config"]["train"]["fine_tuning"] is True
    assert with_rows["left_out"] == []
    assert _planned(directory, "--set", "recipes=[[int8]]")["left_out"] == []  # which asks for no more
    said = trimtab(directory, *ROWS, "--dry-run").stdout
    assert "# left out: channels-0.25--int8" in said
    assert "channels" in json.dumps(with_rows["config"]["recipes"])


def test_a_pass_that_trains_asks_for_training_rows(directory: Path) -> None:
    done = trimtab(directory, *ROWS, "--set", "recipes=[[channels, int8]]", "--dry-run")
    assert done.returncode == 2
    assert "channels trains, and there are no training rows: give them by --train" in done.stderr


def test_no_model_and_no_rows_are_told(directory: Path) -> None:
    done = trimtab(directory, "Churn.keras", "--label", "churned")
    assert (done.returncode, "expected labelled rows" in done.stderr) == (2, True)
    done = trimtab(directory, "gone.keras", "--data", "test.csv", "--label", "churned")
    assert done.returncode == 2
    assert "gone.keras" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_model_is_judged_as_it_came_and_made_smaller(directory: Path) -> None:
    options = ("--json", "--set", "budget.max_accuracy_drop=0.05", "--set", "budget.objective=size")
    done = trimtab(directory, *ROWS, *options)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["as_it_came"]["metric"] == "accuracy"
    assert result["as_it_came"]["value"] > 0.85
    assert result["data"]["classes"] == ["no", "yes"]
    assert result["baseline"]["metrics"]["accuracy"] > 0.85
    assert result["status"] == "deployed"
    assert result["chosen"] == "none--float16"
    assert "the archive as it came: accuracy" in done.stderr
    assert "it begins with the layer" in " ".join(result["data"]["warnings"])
    page = Path(result["report"]).read_text()
    assert "The model as it came: accuracy" in page
    assert [one for one in result["left_out"] if one["candidate"].startswith("channels-0.5--int8")]
    assert "Left out" in page
    assert result["left_out"][0]["candidate"] in page
    again = trimtab(directory, *ROWS, *options)
    tasks = {task["name"]: task["reused"] for task in json.loads(again.stdout)["tasks"]}
    assert all(tasks[name] for name in ("data_prep", "train", "quantize 1/1", "evaluate 1/1"))


@pytest.mark.slow
def test_with_training_rows_and_a_config_it_goes_on_where_it_was(directory: Path) -> None:
    (directory / "my.yaml").write_text(
        "name: mine\nmodel: {archive: Churn.keras}\n"
        "data: {train: train.csv, test: test.csv, label: churned}\n"
        "recipes: [[{channels: {ratio: 0.25, epochs: 6, learning_rate_factor: 1.0}}, int8]]\n"
        "budget: {max_accuracy_drop: 0.3}\n"
    )
    done = trimtab(directory, "my.yaml", "--json")
    assert done.returncode == 5, done.stderr
    result = json.loads(done.stdout)
    assert [candidate["ok"] for candidate in result["candidates"]] == [True, True]
    resumed = trimtab(directory, "my.yaml", "--json", "--resume", result["run_id"])
    assert resumed.returncode == 5, resumed.stderr
    assert json.loads(resumed.stdout)["deployed"] == result["deployed"]


@pytest.mark.slow
def test_a_model_of_two_outputs_is_matched_by_its_labels(tmp_path: Path) -> None:
    import keras

    x, y = _write_rows(tmp_path / "rows.csv", 1500, seed=3)
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    price = 2 * x[:, 0] + 10 * x[:, 2]
    priced = [f"{line},{value:.3f}" for line, value in zip(lines[1:], price, strict=True)]
    (tmp_path / "rows.csv").write_text("\n".join([lines[0] + ",price", *priced]) + "\n")
    normalization = keras.layers.Normalization()
    normalization.adapt(x)
    given = keras.Input((3,))
    hidden = keras.layers.Dense(128, activation="relu")(normalization(given))
    outputs = {
        "price": keras.layers.Dense(1, name="price")(hidden),
        "churned": keras.layers.Dense(2, activation="softmax", name="churned")(hidden),
    }
    model = keras.Model(given, outputs)
    losses = {"price": "mse", "churned": "sparse_categorical_crossentropy"}
    model.compile(keras.optimizers.Adam(0.01), losses, loss_weights={"price": 0.01, "churned": 1.0})
    model.fit(x, {"price": price, "churned": (y == "yes").astype(np.float32)}, epochs=10, verbose=0)
    model.save(tmp_path / "two.keras")
    given_rows = ("two.keras", "--data", "rows.csv", "--label", "churned", "--label", "price")
    budget = "budget={max_accuracy_drop: 0.05, objective: size}"
    done = trimtab(tmp_path, *given_rows, "--json", "--set", budget, "--set", "recipes=[[float16]]")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["chosen"] == "none--float16"
    proven = result["proof"]["tested"][0]["limits"]
    assert [limit["limit"] for limit in proven] == ["churned: accuracy", "price: mean absolute error"]
    assert all(limit["holds"] for limit in proven)
    assert result["baseline"]["outputs"]["churned"]["metrics"]["accuracy"] > 0.85
    assert result["baseline"]["outputs"]["price"]["metrics"]["r2"] > 0.8
