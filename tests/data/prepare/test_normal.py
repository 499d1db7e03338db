"""Which rows an anomaly's model is trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trimtab.data.dataset.dataset import Dataset
from trimtab.data.prepare.prepare import PreparedSummary
from trimtab.errors import DataError

Prepare = Callable[..., tuple[Dataset, PreparedSummary]]


def write(path: Path, labels: list[str], seed: int = 0) -> str:
    x = np.random.default_rng(seed).normal(size=(len(labels), 2)).round(4)
    rows = [f"{a},{b},{label}\n" for (a, b), label in zip(x, labels, strict=True)]
    path.write_text("a,b,label\n" + "".join(rows))
    return str(path)


MIXED = ["bad" if place % 10 == 0 else "fine" for place in range(1000)]


def test_training_has_normal_rows_alone_and_the_others_are_tested(prepared: Prepare, tmp_path: Path) -> None:
    data, found = prepared(train=write(tmp_path / "rows.csv", MIXED), normal="fine")
    labels = {split: data.arrays(split)[1] for split in ("train", "validation", "test")}
    assert data.schema.task == "anomaly"
    assert not labels["train"].any()
    assert labels["validation"].any()
    assert sum(labels[split].sum() for split in labels) == 100
    assert labels["test"].sum() > 80
    assert sum(found.rows.values()) == 1000


def test_what_a_feature_is_like_is_learnt_of_normal_rows(prepared: Prepare, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(3, 1, 1000)
    rows = [f"{9e6 + place},1,bad\n" if place % 10 == 0 else f"{x[place]},1,fine\n" for place in range(1000)]
    (tmp_path / "rows.csv").write_text("a,b,label\n" + "".join(rows))
    data, _ = prepared(train=str(tmp_path / "rows.csv"), normal="fine")
    column = next(one for one in data.schema.preprocessing["columns"] if one["name"] == "a")
    assert column["mean"] == pytest.approx(3.0, abs=0.5)


def test_with_a_test_split_of_its_own_other_rows_of_training_are_left_out_and_counted(
    prepared: Prepare, tmp_path: Path
) -> None:
    train, test = write(tmp_path / "train.csv", MIXED), write(tmp_path / "test.csv", MIXED[:200], 1)
    data, found = prepared(train=train, test=test, normal="fine")
    validation = data.arrays("validation")[1]
    left = 100 - int(validation.sum())
    assert f"{left} rows of data.train are not fine: they are left out, and not tested" in found.warnings
    assert data.rows["test"] == 200


def test_training_rows_that_are_all_normal_need_no_others(prepared: Prepare, tmp_path: Path) -> None:
    train, test = write(tmp_path / "train.csv", ["0"] * 300), write(tmp_path / "test.csv", ["0", "1"] * 50, 1)
    data, _ = prepared(train=train, test=test, normal=0)
    assert data.arrays("test")[1].sum() == 50
    assert not data.arrays("validation")[1].any()


def test_a_file_that_begins_with_others_is_read_as_any(prepared: Prepare, tmp_path: Path) -> None:
    labels = ["bad"] * 9_000 + ["fine"] * 1_000  # more than the first rows that a guess is made of
    data, _ = prepared(train=write(tmp_path / "rows.csv", labels), normal="fine")
    assert not data.arrays("train")[1].any()
    assert data.schema.input.shape == (2,)


@pytest.mark.parametrize(
    ("labels", "config", "message"),
    [
        (MIXED, {"task": "anomaly"}, "which label is normal"),
        (MIXED, {"normal": "good"}, "no row has the label of data.normal: good"),
        (["fine"] * 300, {"normal": "fine"}, "every row of the test split is fine"),
        (MIXED, {"normal": "fine", "task": "classification"}, "trains on all rows"),
    ],
)
def test_what_cannot_be_learnt_is_said(
    prepared: Prepare, tmp_path: Path, labels: list[str], config: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        prepared(train=write(tmp_path / "rows.csv", labels), **config)
