from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from trimtab.config.data import Data
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.prepare import split
from trimtab.data.prepare.prepare import PreparedSummary
from trimtab.data.prepare.strata import ClassRows, applied, fill
from trimtab.data.schema import SPLITS, Strata

Prepare = Callable[..., tuple[Dataset, PreparedSummary]]
CONFIG = Data(train="rows.csv")
EVERY = (split.TRAIN, split.VALIDATION, split.TEST)


def _keys(rng: np.random.Generator, rows: int) -> np.ndarray:
    return rng.integers(0, 256, (rows, 32)).astype(np.uint8)


def _placed(
    labels: list[str], keys: np.ndarray, before: Strata | None = None, config: Data = CONFIG
) -> tuple[np.ndarray, Strata]:
    """Returns the sides of rows and what is remembered of them, as with the data of a model in service."""
    remembered = before or Strata()
    natural = split.sides("train", keys, config)
    known = ClassRows.of(pa.array(labels), keys, applied(natural, keys, remembered))
    settled = set() if before is None else set(labels) - set(before.unsettled)
    found = fill(known, sorted(set(labels)), EVERY, remembered, settled)
    return applied(natural, keys, found), found


@pytest.mark.parametrize("seed", range(60))
def test_a_class_with_ten_rows_is_in_every_split(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = [*["a"] * 10, *["b"] * 11, *["c"] * 9, *["d"] * 300]
    rng.shuffle(labels)
    keys = _keys(rng, len(labels))
    sides, found = _placed(labels, keys)
    words = np.array(labels)
    for name in "abd":
        assert set(sides[words == name]) == set(EVERY)
    few = words == "c"
    np.testing.assert_array_equal(sides[few], split.sides("train", keys, CONFIG)[few])
    assert len(found.placed) <= 2 * 4 + 9


@pytest.mark.parametrize("seed", range(40))
def test_no_row_ever_changes_sides_when_more_come(seed: int) -> None:
    """Each time, the model in service remembers what was decided; new classes come with the rows, too."""
    rng = np.random.default_rng(seed)
    names = [f"class {number}" for number in range(8)]
    keys, labels = _keys(rng, 400), rng.choice(names, 400, p=np.array([60, 20, 8, 4, 3, 2, 2, 1]) / 100)
    sides, remembered, known = np.empty(0, np.int8), None, set[str]()
    for rows in (40, 60, 61, 75, 120, 130, 250, 400):
        seen = labels[:rows].tolist()
        if remembered is not None:
            fresh = sorted(set(seen) - known)
            remembered = remembered.model_copy(update={"unsettled": [*remembered.unsettled, *fresh]})
        now, remembered = _placed(seen, keys[:rows], remembered)
        np.testing.assert_array_equal(now[: len(sides)], sides)
        sides, known = now, set(seen)
    for name in names:
        if (labels == name).sum() >= 20:
            assert set(sides[labels == name]) == set(EVERY)


def test_parts_of_the_rows_merge_into_the_whole() -> None:
    rng = np.random.default_rng(0)
    labels, keys = rng.choice(["a", "b", "c"], 900, p=[0.97, 0.02, 0.01]).tolist(), _keys(rng, 900)
    keys[500:600] = keys[:100]  # copies
    sides = split.sides("train", keys, CONFIG)
    whole = ClassRows.of(pa.array(labels), keys, sides)
    parts = ClassRows()
    for start in (300, 600, 0):
        part = slice(start, start + 300)
        parts = parts.merge(ClassRows.of(pa.array(labels[part]), keys[part], sides[part]))
    found = [fill(rows, ["a", "b", "c"], EVERY, Strata(), []) for rows in (whole, parts)]
    assert found[0] == found[1]


def test_too_many_labels_are_no_classes_and_unknown_labels_are_left_alone() -> None:
    keys = _keys(np.random.default_rng(0), 6000)
    many = ClassRows.of(pa.array([str(row) for row in range(6000)]), keys, split.sides("train", keys, CONFIG))
    assert many.counts is None
    assert fill(many.merge(ClassRows()), ["a"], EVERY, Strata(), []) == Strata()
    few = ClassRows.of(pa.array(["a|b"] * 20), keys[:20], np.zeros(20, np.int8))
    assert fill(few, ["a", "b"], EVERY, Strata(), []) == Strata()


def test_a_row_that_another_class_needs_is_not_moved() -> None:
    keys = _keys(np.random.default_rng(1), 11)
    keys[10] = keys[9]  # one row with two labels, the only one of b in training
    labels, sides = [*["a"] * 10, "b"], np.zeros(11, np.int8)
    known = ClassRows.of(pa.array(labels), keys, sides)
    moved = applied(sides, keys, fill(known, ["a", "b"], EVERY, Strata(), []))
    assert moved[9] == moved[10] == split.TRAIN
    assert set(moved[:10]) == set(EVERY)


def _csv(path: Path, rows: int, label: np.ndarray) -> str:
    values = np.random.default_rng(5).normal(size=(len(label), 2))[:rows]
    pacsv.write_csv(pa.table({"a": values[:, 0], "b": values[:, 1], "label": label[:rows]}), path)
    return str(path)


def test_datasets_that_grow_keep_every_row_where_it_was(tmp_path: Path, prepared: Prepare) -> None:
    label = np.array(["often"] * 600)
    label[::50] = "rare"  # 12 rows
    label[[7, 20, 33, 70, 71, 300, 401, 402, 403, 501, 502, 503]] = "later"
    champion, before, moved = None, dict[bytes, str](), 0
    for rows in (150, 420, 502, 600):
        source = _csv(tmp_path / f"{rows}.csv", rows, label)
        champion, summary = prepared(f"of-{rows}", champion, train=source, min_rows_per_class=2)
        # Standardized as the first ones, so that rows are known by their values.
        now = {x.tobytes(): name for name in SPLITS for x in champion.arrays(name)[0]}
        assert {key: now[key] for key in before} == before
        assert summary.sides_changed == []
        before, moved = now, len(champion.schema.strata.placed)
    assert moved
    assert all(summary.class_counts[name][word] for name in SPLITS for word in ("often", "rare", "later"))
