from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from trimtab.config.config import Config
from trimtab.data.prepare.prepare import prepare
from trimtab.deploy import ledger
from trimtab.deploy.repository import Repository
from trimtab.errors import ConfigError, DataError, ModelError
from trimtab.stages.preview import preview


def config(train: str | Path, /, **sections: Any) -> Config:
    data = {"train": str(train), "workers": 1, **sections.pop("data", {})}
    return Config.model_validate({"data": data, "model": {"architecture": "mlp"}, **sections})


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rows.csv"
    lines = [f"{i * 7 % 11},{i / 3},{'ab'[i % 2]}" for i in range(300)]
    file.write_text("\n".join(["x,y,label", *lines]) + "\n")
    return file


def test_it_says_what_the_data_are(rows: Path) -> None:
    seen = preview(config(rows))
    assert seen is not None
    assert (seen.task, seen.label, seen.classes) == ("classification", "label", ["a", "b"])
    assert sum(seen.rows.values()) == 300
    slots = 2 + 11 + 16  # the numbers, the values of x, pieces of y
    assert (seen.input_kind, seen.input_shape) == ("tabular", [slots])
    assert seen.reach[0].examples == seen.rows["test"]
    assert f"{seen.rows['test']:,} test rows; classification of label of 2 classes" in seen.sentence
    assert f"the model takes tabular, {slots}" in seen.sentence
    assert seen.untried.endswith("so short a training of a built-in architecture is not rehearsed either")
    long = preview(config(rows, train={"epochs": 1000}))
    assert long is not None
    assert long.untried.endswith("a run rehearses each kind of recipe before its first epoch")


def test_what_a_run_would_end_with_it_ends_with(rows: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv: there is no such file"):
        preview(config(tmp_path / "nowhere.csv"))
    with pytest.raises(DataError, match="there is no column z"):
        preview(config(rows, data={"label": "z"}))
    with pytest.raises(ConfigError, match=r"model\.params\.unit: mlp has no such hyper-parameter"):
        preview(config(rows, model={"architecture": "mlp", "params": {"unit": 64}}))
    with pytest.raises(ConfigError, match=r"train\.class_weight: unknown class 'ja'"):
        preview(config(rows, train={"class_weight": {"ja": 2}}))
    with pytest.raises(ModelError, match="text_cnn takes text data; this data is tabular"):
        preview(config(rows, model={"architecture": "text_cnn"}))


@pytest.mark.parametrize("model", [{"builder": "no_such_module:build"}, {"archive": "none.keras"}])
def test_a_model_that_is_not_there_is_told(rows: Path, model: dict[str, str]) -> None:
    with pytest.raises((ConfigError, ModelError, DataError)):
        preview(config(rows, model=model))


def test_what_is_elsewhere_is_not_opened() -> None:
    assert preview(config("gs://nowhere/rows.csv")) is None


def test_copies_count_once_in_what_the_rows_can_prove(tmp_path: Path) -> None:
    file = tmp_path / "copied.csv"
    lines = [f"{i % 500 * 7 % 11},{i % 500 / 3},{'ab'[i % 2]}" for i in range(2000)]
    file.write_text("\n".join(["x,y,label", *lines]) + "\n")
    seen = preview(config(file, budget={"max_accuracy_drop": 0.2}))
    assert seen is not None
    (reach,) = seen.reach
    assert (reach.examples, reach.distinct) == (seen.rows["test"], seen.rows["test"] // 4)
    folded = preview(config(file, budget={"max_accuracy_drop": 0.2}, data={"test": {"folds": 5}}))
    assert folded is not None
    assert (folded.reach[0].examples, folded.reach[0].distinct) == (2000, 500)


def test_limits_of_classes_say_what_their_rows_can_prove(rows: Path) -> None:
    limits = {"per_class": {"metric": "recall", "max_drop": 0.2}, "max_accuracy_drop": 0.2}
    seen = preview(config(rows, budget=limits))
    assert seen is not None
    assert [reach.name for reach in seen.reach] == ["", "recall of a", "recall of b"]
    assert sum(reach.examples for reach in seen.reach[1:]) == seen.rows["test"]


def test_rows_that_have_decided_before_can_prove_less_where_that_is_paid_for(
    rows: Path, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {
        "budget": {"max_accuracy_drop": 0.2},
        "proof": {"reuse": "spend"},
        "deploy": {"target": str(tmp_path / "deployed")},
    }
    first = preview(config(rows, **asked))
    with tempfile.TemporaryDirectory() as directory:
        prepared = prepare(config(rows).data, seed=0, directory=Path(directory))
    ledger.enter(Repository(asked["deploy"]["target"]), prepared.content.test, "limits", "runs/one")
    second = preview(config(rows, **asked))
    assert first is not None
    assert second is not None
    assert [round(seen.reach[0].confidence, 6) for seen in (first, second)] == [0.975, 0.991667]
    assert second.reach[0].least > first.reach[0].least
