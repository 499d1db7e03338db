"""`data.test: {folds: 5}`: what it means, and what it does not go with."""

from __future__ import annotations

from typing import Any

import pytest

from trimtab.config.config import Config
from trimtab.config.data import Data
from trimtab.config.loader import load
from trimtab.errors import ConfigError


def test_a_fold_is_a_section_of_its_own_with_its_share_of_the_rows():
    data = Data.model_validate({"train": "rows.csv", "test": {"folds": 4}})
    assert (data.folds, data.given_test) == (4, None)
    one = data.of_one_fold
    assert (one.test, one.split.test, one.folds) == (None, 0.25, 1)
    plain = Data(train="rows.csv", test="test.csv")
    assert (plain.folds, plain.given_test, plain.of_one_fold) == (1, "test.csv", plain)


def test_folds_survive_json():
    config = Config.model_validate(
        {"data": {"train": "rows.csv", "test": {"folds": 4}}, "model": {"architecture": "mlp"}}
    )
    assert Config.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("test: {folds: 1}", "data.test.folds: input should be greater than or equal to 2; got 1"),
        ("test: {folds: 21}", "data.test.folds: input should be less than or equal to 20; got 21"),
        ("test: {fold: 5}", "data.test.fold: unknown field; did you mean folds?"),
        ("test: 5", "data.test: input should be a valid string; got 5"),
        (
            "test: {folds: 5}, split: {by: time, column: day}",
            "test.folds and split.by: time cannot both decide",
        ),
        ("test: {folds: 5}, split: {test: 0.3}", "test.folds and split.test cannot both decide"),
        ("test: {folds: 5}, normal: fine", "test.folds is not for anomalies"),
    ],
)
def test_what_does_not_go_together_is_named(tmp_path: Any, section: str, said: str):
    file = tmp_path / "my.yaml"
    file.write_text(f"data: {{train: rows.csv, {section}}}\nmodel: {{architecture: mlp}}\n")
    with pytest.raises(ConfigError) as found:
        load(file)
    assert said in found.value.describe()
