"""The test splits of several folds as one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from trimtab.config.data import Data
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.dataset.pooled import Pooled, restated
from trimtab.data.prepare.prepare import prepare
from trimtab.errors import ArtifactError
from trimtab.storage import artifact

FOLDS = 3


@pytest.fixture
def folds(tmp_path: Path) -> Callable[..., Pooled]:
    def make(columns: dict[str, Any], **config: Any) -> Pooled:
        pacsv.write_csv(pa.table(columns), tmp_path / "rows.csv")
        settings = {"train": str(tmp_path / "rows.csv"), "test": {"folds": FOLDS}, "workers": 1, **config}
        made = []
        for fold in range(FOLDS):
            with artifact.create(tmp_path / str(fold), "dataset") as draft:
                given = {"seed": 0, "directory": draft.path, "slices": ["region"], "fold": fold}
                draft.counts = dict(prepare(Data.model_validate(settings), **given).rows)
            made.append(Dataset.open(tmp_path / str(fold)))
        return Pooled(made)

    return make


def columns(rows: int = 300) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    size = rng.normal(50, 10, rows)
    return {
        "size": size,
        "region": rng.choice(["north", "south"], rows),
        "price": 3 * size + rng.normal(size=rows),
    }


def test_numbers_of_all_folds_are_in_the_scale_of_the_first(folds):
    made = columns()
    tested = folds(made, label="price")
    scales = {(fold.schema.label_mean, fold.schema.label_std) for fold in tested.folds}
    assert len(scales) == FOLDS, "each fold standardizes by its own training rows"
    prices = tested.labels() * tested.schema.label_std + tested.schema.label_mean
    np.testing.assert_allclose(np.sort(prices), np.sort(made["price"]), rtol=1e-5)
    assert tested.labels().dtype == np.float32
    assert len(tested) == 300


def test_what_is_of_the_same_scale_stays_as_it_is(folds):
    schema = folds(columns(), label="price").schema
    values = np.float32([0.1, 0.2])
    assert restated(values, schema, schema) is values


def test_each_row_has_its_slice_its_fold_and_its_group(folds):
    made = columns() | {"person": np.repeat(np.arange(100).astype(str), 3)}
    tested = folds(made, label="price", group_by="person")
    assert sorted(tested.slices(["region"])["region"].to_pylist()) == sorted(made["region"])
    assert tested.numbers().tolist() == sorted(tested.numbers())
    groups, numbers = tested.groups(), tested.numbers()
    assert np.unique(np.unique(groups, return_counts=True)[1]).tolist() == [3]
    assert all(len(set(numbers[groups == group])) == 1 for group in np.unique(groups))


def test_copies_are_groups_though_only_one_fold_has_any(folds):
    made = {name: np.append(values, values[:1]) for name, values in columns().items()}
    assert folds(columns(), label="price").groups() is None
    groups = folds(made, label="price").groups()
    assert (len(groups), len(np.unique(groups))) == (301, 300)


def test_folds_of_other_classes_do_not_go_together(folds):
    tested = folds(columns() | {"kind": ["a", "b"] * 150}, label="kind")
    other = tested.folds[1].schema.model_copy(update={"classes": ["a", "c"]})
    strange = Dataset(**{**vars(tested.folds[1]), "schema": other})
    with pytest.raises(ArtifactError, match="the folds do not mean the same"):
        Pooled([tested.folds[0], strange])
