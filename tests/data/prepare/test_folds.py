"""Rows shared out to folds: each is tested once, and nothing of a fold comes from the rows that it tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from trimtab.config.data import Data
from trimtab.data.dataset.dataset import SCHEMA_FILE, Dataset
from trimtab.data.dataset.origins import read_origins
from trimtab.data.prepare import split
from trimtab.data.prepare.prepare import PreparedSummary, prepare
from trimtab.data.values.hashing import row_digests
from trimtab.storage import artifact

FOLDS = 4
Table = dict[str, Any]


def table(rows: int = 400, seed: int = 0) -> Table:
    rng = np.random.default_rng(seed)
    return {
        "size": rng.normal(size=rows),
        "color": rng.choice(["red", "blue", "green"], rows),
        "person": rng.integers(0, 60, rows).astype(str),
        "label": rng.choice(["big", "small"], rows),
    }


def write(path: Path, columns: Table) -> str:
    pacsv.write_csv(pa.table(columns), path)
    return str(path)


@pytest.fixture
def folds(tmp_path: Path) -> Callable[..., list[tuple[Dataset, PreparedSummary]]]:
    """Returns a function that prepares every fold of a table."""

    def make(columns: Table, name: str = "rows", count: int = FOLDS, **config: Any) -> list[Any]:
        settings = {"workers": 1, "test": {"folds": count}, **config}
        data = Data.model_validate({"train": write(tmp_path / f"{name}.csv", columns), **settings})
        made = []
        for fold in range(count):
            path = tmp_path / f"{name}-{fold}"
            with artifact.create(path, "dataset") as draft:
                found = prepare(data, seed=0, directory=draft.path, fold=fold)
                draft.counts = dict(found.rows)
            made.append((Dataset.open(path), found))
        return made

    return make


def held_out(dataset: Dataset) -> list[int]:
    return [each.row for part in read_origins(dataset.path, "test") for each in part]


def places(dataset: Dataset, splits: Sequence[str] = ("train", "validation")) -> list[int]:
    return [each.row for name in splits for part in read_origins(dataset.path, name) for each in part]


def test_every_row_is_tested_in_one_fold_and_trained_or_chosen_on_in_all_others(folds):
    made = folds(table(), drop=["person"])
    everything = list(range(1, 401))
    assert sorted(row for dataset, _ in made for row in held_out(dataset)) == everything
    for dataset, _ in made:
        assert sorted([*held_out(dataset), *places(dataset)]) == everything
        assert 60 < len(held_out(dataset)) < 140


def test_the_first_fold_is_the_split_of_the_same_share(folds, tmp_path, prepared):
    first, _ = folds(table(), drop=["person"])[0]
    plain, _ = prepared("plain", train=str(tmp_path / "rows.csv"), split={"test": 1 / FOLDS}, drop=["person"])
    assert (held_out(first), places(first)) == (held_out(plain), places(plain))
    assert (first.path / SCHEMA_FILE).read_text() == (plain.path / SCHEMA_FILE).read_text()


@pytest.mark.parametrize("count", [2, 3, 5, 7, 20])
def test_folds_hold_all_hashes_whatever_their_number(count):
    ends = (2**64 // count * place for place in range(1, count))
    parts = np.array([0, 1, 2**63, 2**64 - 1, *ends], np.uint64)
    held = np.stack([split.Fold(fold, count).has(parts) for fold in range(count)])
    np.testing.assert_array_equal(held.sum(axis=0), 1)
    assert held[0, 0]
    assert held[-1, 3]


def test_rows_stay_in_their_fold_when_others_come():
    columns = table(2000)
    batch = pa.record_batch({name: columns[name] for name in ("size", "color")})
    keys = row_digests(batch, batch.schema.names)
    data = Data.model_validate({"train": "rows.csv", "test": {"folds": FOLDS}}).of_one_fold
    sides = split.sides("train", keys, data, split.Fold(2, FOLDS))
    np.testing.assert_array_equal(sides[:500], split.sides("train", keys[:500], data, split.Fold(2, FOLDS)))


def test_groups_and_copies_are_in_one_fold(folds):
    columns = table()
    columns["size"][300:] = columns["size"][:100]
    columns["color"][300:] = columns["color"][:100]
    for dataset, _ in folds(columns, "copies", drop=["person"]):
        held = set(held_out(dataset))
        assert all((row in held) == (row + 300 in held) for row in range(1, 101))
    people = np.asarray(columns["person"])
    of_fold = [
        set(people[np.array(held_out(one)) - 1]) for one, _ in folds(columns, "groups", group_by="person")
    ]
    assert sum(map(len, of_fold)) == len(set.union(*of_fold)) == len(set(people))


def test_what_a_fold_tests_has_no_part_in_what_it_is_encoded_by_and_trained_on(folds):
    """Every number, word and label of a fold's test rows becomes another: its training stays as it was."""
    columns = {**table(), "key": np.arange(400).astype(str)}
    made = folds(columns, "before", group_by="key", drop=["person"])
    for fold, (dataset, _) in enumerate(made):
        rows = np.array(held_out(dataset)) - 1
        changed = {name: np.array(values, object) for name, values in columns.items()}
        changed["size"][rows] = 1e6
        changed["color"][rows] = "violet"
        changed["label"][rows] = ["small" if label == "big" else "big" for label in changed["label"][rows]]
        changed["size"] = changed["size"].astype(np.float64)
        for name in ("color", "label", "key", "person"):
            changed[name] = changed[name].astype(str)
        other, _ = folds(changed, f"changed-{fold}", group_by="key", drop=["person"])[fold]
        assert held_out(other) == held_out(dataset)
        assert other.schema.preprocessing == dataset.schema.preprocessing
        for name in ("train", "validation"):
            for one, another in zip(dataset.arrays(name), other.arrays(name), strict=True):
                np.testing.assert_array_equal(one, another)
        assert (other.arrays("test")[1] != dataset.arrays("test")[1]).all()


def test_a_label_that_was_learnt_by_heart_is_of_no_use_out_of_fold(folds):
    """The nearest neighbour answers every row that it was shown rightly; labels here are drawn by lot."""
    right, rows = 0, 0
    for dataset, _ in folds(table(1000), drop=["person"]):
        (x, y), (asked, truth) = dataset.arrays("train"), dataset.arrays("test")
        nearest = np.linalg.norm(asked[:, None] - x[None], axis=2).argmin(axis=1)
        right, rows = right + int((y[nearest] == truth).sum()), rows + len(truth)
    assert rows == 1000
    assert abs(right / rows - 0.5) < 0.08


def test_a_rare_class_is_trained_and_chosen_on_in_every_fold_and_tested_once(folds):
    columns = table()
    columns["label"] = np.where(np.arange(400) < 12, "huge", columns["label"])
    made = folds(columns, count=8, drop=["person"])
    assert sum(found.class_counts["test"]["huge"] for _, found in made) == 12
    assert all(found.class_counts[side]["huge"] for _, found in made for side in ("train", "validation"))
    assert sorted(row for dataset, _ in made for row in held_out(dataset)) == list(range(1, 401))


def test_all_folds_have_the_fingerprint_of_all_rows_for_what_is_tested(folds, tmp_path, prepared):
    made = folds(table(), drop=["person"])
    (fingerprint,) = {found.content.test for _, found in made}
    assert len({found.content.fingerprint for _, found in made}) == FOLDS
    given = {"train": str(tmp_path / "rows.csv"), "test": str(tmp_path / "rows.csv")}
    _, whole = prepared("given", **given, drop=["person"])
    assert whole.content.test == fingerprint
    more = folds(table(401), "more", drop=["person"])[0][1]
    assert more.content.test != fingerprint


def test_given_validation_rows_are_in_no_fold(folds, tmp_path):
    other = write(tmp_path / "other.csv", table(90, seed=1))
    made = folds(table(), validation=other, drop=["person"])
    assert [found.rows["validation"] for _, found in made] == [90] * FOLDS
    assert sum(found.rows["test"] for _, found in made) == 400
