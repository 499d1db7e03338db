from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from trimtab.config.data import Data
from trimtab.data.champion.reference import Reference
from trimtab.data.champion.seen import known_share, sides_changed, warning
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.prepare import split as splits
from trimtab.data.prepare.prepare import PreparedSummary
from trimtab.data.schema import Column, DatasetSchema, TensorSpec
from trimtab.data.statistics.summary import Summary

Prepare = Callable[..., tuple[Dataset, PreparedSummary]]


def _schema(*names: str) -> DatasetSchema:
    return DatasetSchema(
        task="regression",
        label="y",
        columns=[Column(name=name, kind="numeric") for name in names],
        input=TensorSpec(kind="tabular", shape=(len(names),), stored_dtype="float32"),
        preprocessing={},
    )


def _warnings(now: dict[str, Any], before: dict[str, Any] | None, names: tuple[str, ...] = ("a", "b")) -> str:
    then = Data.model_validate({"train": "old.csv"} | before) if before is not None else None
    champion = Reference(_schema("a", "b"), None, then)
    config = Data.model_validate({"train": "new.csv"} | now)
    summaries = dict.fromkeys(("train", "test"), Summary())
    return "".join(warning(sides_changed(champion, _schema(*names), config, summaries)))


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ({}, {}),
        ({}, None),
        ({"split": {"test": 0.1}}, {"split": {"test": 0.2}}),
        ({"split": {"validation": 0.3}}, {}),
        ({"test": "test.csv"}, {"test": "old.csv"}),
        ({"test": "test.csv", "group_by": "g"}, {"test": "old.csv"}),
        ({"group_by": "g"}, {"group_by": "g"}),
    ],
)
def test_the_same_sides_are_no_warning(now: dict[str, Any], before: dict[str, Any] | None) -> None:
    assert _warnings(now, before) == ""


@pytest.mark.parametrize(
    ("now", "before", "reason"),
    [
        ({}, {"test": "old.csv"}, "data.test was given"),
        ({"test": "test.csv"}, {}, "data.test was not given"),
        ({"split": {"test": 0.3}}, {}, "data.split.test was 0.2"),
        ({"group_by": "g"}, {}, "data.group_by was not set"),
        ({}, {"group_by": "g"}, "data.group_by was g"),
    ],
)
def test_other_sides_are_a_warning(now: dict[str, Any], before: dict[str, Any], reason: str) -> None:
    assert f"({reason})" in _warnings(now, before)


def test_other_columns_are_other_sides_unless_groups_decide() -> None:
    assert "the input columns have changed" in _warnings({}, None, ("a", "c"))
    assert _warnings({}, None, ("b", "a")) == ""
    assert _warnings({"group_by": "g"}, {"group_by": "g"}, ("a", "c")) == ""
    assert _warnings({"test": "test.csv"}, None, ("a", "c")) == ""


def _of(first: int, rows: int) -> Summary:
    values = np.arange(first, first + rows)
    batch = pa.record_batch({"a": values, "b": values % 7, "label": values % 2})
    return Summary.of(batch, Data(train="rows.csv"))


@pytest.mark.parametrize(
    ("before", "train", "test", "share"),
    [
        ((0, 1000), (1000, 1000), (2000, 500), 0),
        ((0, 1000), (1000, 1000), (500, 500), 1),
        ((0, 1000), (1000, 1000), (900, 200), 0.5),
        ((0, 1000), (0, 1000), (500, 500), 0),  # which is warned of for itself
        ((0, 60_000), (60_000, 60_000), (54_000, 12_000), 0.5),
        ((0, 60_000), (0, 200_000), (200_000, 12_000), 0),
    ],
)
def test_how_much_of_a_test_split_the_champion_knows(
    before: tuple[int, int], train: tuple[int, int], test: tuple[int, int], share: float
) -> None:
    found = known_share(_of(*before), {"train": _of(*train), "test": _of(*test)})
    assert found == pytest.approx(share, abs=0.08)
    assert found == share or 0 < share < 1


def test_a_given_test_split_of_old_training_rows_is_a_warning(tmp_path: Path, prepared: Prepare) -> None:
    rng = np.random.default_rng(0)
    for name in ("january", "february", "march"):
        table = pa.table({"a": rng.normal(size=400), "label": rng.choice(["x", "y"], 400)})
        pacsv.write_csv(table, tmp_path / f"{name}.csv")

    def given(train: str, test: str) -> dict[str, str]:
        return {"train": str(tmp_path / f"{train}.csv"), "test": str(tmp_path / f"{test}.csv")}

    champion, _ = prepared("champion", **given("january", "march"))
    _, fresh = prepared("fresh", champion, **given("february", "march"))
    assert fresh.sides_changed == []
    _, known = prepared("known", champion, **given("february", "january"))
    assert known.sides_changed == [
        "about 91% of data.test was in data.train"
    ]  # the rest was its validation split
    assert "may have been trained on some of the test rows" in known.warnings[-1]


def test_a_given_test_split_of_images_is_taken_to_be_unseen(
    tmp_path: Path, prepared: Prepare, make_png: Callable[..., bytes]
) -> None:
    for name, classes in {"january": "abc", "february": "bc", "test": "abc"}.items():
        labels = [label for label in classes for _ in range(40)]
        images = [make_png(value, (4, 4)) for value in range(len(labels))]
        pq.write_table(pa.table({"image": images, "label": labels}), tmp_path / f"{name}.parquet")
    test = str(tmp_path / "test.parquet")
    champion, _ = prepared("champion", train=str(tmp_path / "january.parquet"), test=test)
    _, new = prepared("new", champion, train=str(tmp_path / "february.parquet"), test=test)
    assert new.sides_changed == []


def test_rows_that_get_another_column_keep_their_sides(tmp_path: Path, prepared: Prepare) -> None:
    """So do they with a third one: the sides are those of the first champion."""
    values = np.random.default_rng(0).normal(size=(600, 4))
    table = pa.table({"label": np.arange(600) + 0.5, "a": values[:, 0], "b": values[:, 1]})

    def made(name: str, table: pa.Table, champion: Dataset | None) -> tuple[Dataset, list[str]]:
        pacsv.write_csv(table, tmp_path / f"{name}.csv")
        dataset, found = prepared(name, champion, train=str(tmp_path / f"{name}.csv"))
        return dataset, found.sides_changed

    def of(dataset: Dataset, split: str) -> set[float]:
        schema = dataset.schema
        return set((dataset.arrays(split)[1] * schema.label_std + schema.label_mean).round(1).tolist())

    first, _ = made("first", table, None)
    wider = table.append_column("c", pa.array(values[:, 2]))
    second, moved = made("second", wider, first)
    assert (moved, second.schema_changes) == ([], ["the column c (numeric) is new"])
    third, moved = made("third", wider.append_column("d", pa.array(values[:, 3])), second)
    assert moved == []
    assert third.schema.split_columns == ("a", "b")
    for split in ("train", "validation", "test"):
        assert of(first, split) == of(second, split) == of(third, split)
    other, moved = made("other", wider.drop_columns("b"), second)
    assert moved == ["the input columns have changed"]
    assert of(other, "test") != of(first, "test")


def test_rows_of_an_older_champion_keep_its_spelling_and_their_sides(
    tmp_path: Path, prepared: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(0).integers(-999, 999, 600)
    rows = "".join(f"+{value:.2e},{value / 8},{value % 2}\n" for value in values)
    (tmp_path / "rows.csv").write_text("a,b,label\n" + rows)
    source = str(tmp_path / "rows.csv")
    monkeypatch.setattr(splits, "SPELLING", 1)
    old, then = prepared("old", train=source)
    monkeypatch.undo()
    _, fresh = prepared("fresh", train=source)
    again, now = prepared("again", old, train=source)
    assert (old.schema.spelling, fresh.schema.spelling, again.schema.spelling) == (1, 2, 1)
    assert fresh.content.fingerprint != then.content.fingerprint == now.content.fingerprint
    np.testing.assert_array_equal(again.arrays("test")[0], old.arrays("test")[0])
