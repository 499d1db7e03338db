from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trimtab.data.dataset.dataset import Dataset
from trimtab.data.dataset.groups import copies
from trimtab.data.prepare.prepare import PreparedSummary
from trimtab.data.readers import csv as csv_reader
from trimtab.errors import ArtifactError

Prepare = Callable[..., tuple[Dataset, PreparedSummary]]


@pytest.fixture
def table(tmp_path: Path) -> str:
    """Returns a file of 2,000 rows of 200 patients, whose group is also their input; ten have none."""
    rng, path = np.random.default_rng(0), tmp_path / "rows.csv"
    patients = rng.integers(0, 200, 2000)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient", "age", "weight", "label"])
        for row, patient in enumerate(patients):
            name = "" if row < 10 else f"p{patient}"
            writer.writerow([name, patient / 7, rng.normal(70, 9), "ab"[rng.integers(2)]])
    return str(path)


def test_the_groups_of_judged_rows_stand_in_the_order_of_the_rows(
    table: str, prepared: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_reader, "BYTES_PER_PARTITION", 9_000)
    dataset, summary = prepared(train=table, group_by="patient", split={"test": 0.3, "validation": 0.2})
    assert len(dataset.shards("test")) > 2
    for split in ("validation", "test"):
        groups, (x, _) = dataset.groups(split), dataset.arrays(split)
        assert groups is not None
        assert len(groups) == summary.rows[split]
        ages = x.reshape(len(x), -1)[:, 0]
        assert all(len(np.unique(ages[groups == group])) == 1 for group in np.unique(groups))
        assert 20 < len(np.unique(groups)) < len(groups) / 4
    assert not list((dataset.path / "train").glob("groups-*"))


def test_without_a_column_of_groups_copies_of_an_input_are_one(tmp_path: Path, prepared: Prepare) -> None:
    rng, path = np.random.default_rng(1), tmp_path / "rows.csv"
    values = rng.normal(size=(900, 2)).round(6).tolist()
    rows = [[*row, "ab"[rng.integers(2)]] for row in values + values[:200]]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["x", "y", "label"], *rows])
    dataset, _ = prepared(train=str(path), split={"test": 0.5})
    groups, (x, _) = dataset.groups("test"), dataset.arrays("test")
    assert groups is not None
    inputs = np.unique(x.reshape(len(x), -1), axis=0)
    assert len(np.unique(groups)) == len(inputs) < len(x)
    same = x.reshape(len(x), -1)[groups == groups[-1]]
    assert (same == same[0]).all()


def test_where_no_two_inputs_are_the_same_there_are_no_groups() -> None:
    images = np.arange(60, dtype=np.uint8).reshape(5, 4, 3, 1)
    assert copies([images[:3], images[3:]]) is None
    again = copies([images[:3], images[2:]])
    assert again is not None
    assert len(again) == 6
    assert again[2] == again[3]
    assert len(np.unique(again)) == 5


def test_groups_of_other_rows_are_refused(table: str, prepared: Prepare) -> None:
    dataset, _ = prepared(train=table, group_by="patient")
    file = next((dataset.path / "test").glob("groups-*.npy"))
    np.save(file, np.load(file)[:-1])
    with pytest.raises(ArtifactError, match="groups of"):
        dataset.groups("test")
