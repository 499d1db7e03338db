"""`trimtab rows`: which rows a run was tested on."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from click.testing import CliRunner
from stages.home import Home

from trimtab.artifacts import dataset as datasets
from trimtab.cli import cli
from trimtab.config.config import Config
from trimtab.errors import ArtifactError
from trimtab.stages import data_prep


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "runs")
    data = {"train": "sklearn://iris", "workers": 1}
    config = {"data": data, "model": {"architecture": "mlp"}, "budget": {"max_accuracy_drop": 0.5}}
    home.dataset = data_prep.run(home.run, Config.model_validate(config).model_dump_json(), False)
    return home


def _rows(*arguments: str) -> list[dict[str, str]]:
    found = CliRunner().invoke(cli, ["rows", *arguments])
    assert found.exit_code == 0, found.output
    return list(csv.DictReader(io.StringIO(found.output)))


def test_test_rows_are_written_in_the_order_of_the_proof(home: Home) -> None:
    from sklearn.datasets import load_iris

    iris, rows = load_iris(), _rows(home.run)
    dataset = datasets.read(home.store, home.dataset, ["test"])
    assert len(rows) == dataset.rows["test"]
    _, y = dataset.arrays("test")
    for row, label in zip(rows, y, strict=True):
        assert row["source"] == "sklearn://iris"
        assert len(row["hash"]) == 32
        assert row["label"] == dataset.schema.classes[label]
        assert row["label"] == iris.target_names[iris.target[int(row["row"]) - 1]]


def test_splits_are_apart_and_a_file_can_be_named(home: Home, tmp_path: Path) -> None:
    found = {split: _rows(home.run, "--split", split) for split in ("train", "validation", "test")}
    assert sum(map(len, found.values())) == 150
    assert not {row["hash"] for row in found["test"]} & {row["hash"] for row in found["train"]}
    assert _rows("one", "--output", str(home.output)) == found["test"]
    assert _rows(home.run, "-o", str(tmp_path / "rows.csv")) == []
    assert list(csv.DictReader((tmp_path / "rows.csv").open())) == found["test"]


def test_a_run_without_data_is_a_typed_error(tmp_path: Path) -> None:
    found = CliRunner().invoke(cli, ["rows", str(tmp_path)])
    assert isinstance(found.exception, ArtifactError)
    assert "no data that is still there" in str(found.exception)
