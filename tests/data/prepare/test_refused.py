"""What ends `data_prep`, and what it names then."""

from pathlib import Path

import numpy as np
import pytest
from data.prepare.tables import Prepare, colours, write_csv

from trimtab.errors import DataError


def test_rows_without_a_label_stop_the_run(tmp_path: Path, prepared: Prepare) -> None:
    table = colours()
    table["label"][17] = ""
    source = write_csv(tmp_path / "rows.csv", table)
    with pytest.raises(DataError, match="label"):
        prepared(train=source, max_bad_fraction=0.01)


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"review": "text", "age": "numeric"}, ["review", "age"]),
        ({"review": "text", "other": "text"}, ["review", "other"]),
    ],
)
def test_columns_that_do_not_fit_one_tensor_are_named(
    tmp_path: Path, prepared: Prepare, columns: dict[str, str], named: list[str]
) -> None:
    rng = np.random.default_rng(0)
    words = ["good", "bad", "film", "the", "plot", "actor", "music"]
    kinds = {
        "text": lambda: [" ".join(rng.choice(words, 8)) for _ in range(500)],
        "numeric": lambda: rng.normal(size=500).tolist(),
    }
    table = {name: kinds[kind]() for name, kind in columns.items()}
    table["label"] = rng.choice(["p", "n"], 500).tolist()
    source = write_csv(tmp_path / "rows.csv", table)
    with pytest.raises(DataError, match="one input") as caught:
        prepared(train=source)
    assert caught.value.hint is not None
    assert f"data.drop: [{named[1]}]" in caught.value.hint
    dataset, _ = prepared(train=source, drop=[named[1]])
    assert dataset.schema.input.kind == "text"
    assert dataset.schema.vocabulary_size == 9


def test_a_split_without_rows_is_an_error(tmp_path: Path, prepared: Prepare) -> None:
    table = {name: values[:12] for name, values in colours().items()}
    table["label"] = ["a", "b"] * 6
    source = write_csv(tmp_path / "rows.csv", {"group": [1] * 12, **table})
    with pytest.raises(DataError):
        prepared(train=source, group_by="group", min_rows_per_class=2)


def test_columns_missing_in_the_test_file_are_named(tmp_path: Path, prepared: Prepare) -> None:
    table = colours()
    train = write_csv(tmp_path / "train.csv", table)
    del table["color"]
    test = write_csv(tmp_path / "test.csv", table)
    with pytest.raises(DataError, match="color") as caught:
        prepared(train=train, test=test)
    assert caught.value.path == test


def test_a_column_that_the_test_file_alone_has_is_named_with_that_file(
    tmp_path: Path, prepared: Prepare
) -> None:
    train = write_csv(tmp_path / "train.csv", colours())
    test = write_csv(tmp_path / "test.csv", colours() | {"extra": ["q"] * len(colours()["color"])})
    with pytest.raises(DataError, match="extra: there is no such column in the training data") as caught:
        prepared(train=train, test=test)
    assert caught.value.path == test


def test_a_column_for_slices_that_is_not_there_is_named(tmp_path: Path, prepared: Prepare) -> None:
    source = write_csv(tmp_path / "rows.csv", colours())
    with pytest.raises(DataError, match="there is no such column") as caught:
        prepared(train=source, slices=["country"])
    assert caught.value.field == "country"


def test_more_columns_than_anybody_waits_for_are_refused(tmp_path: Path, prepared: Prepare) -> None:
    np.savez(tmp_path / "wide.npz", x=np.ones((40, 50)), y=np.arange(40) % 2)
    with pytest.raises(DataError, match=r"data.max_columns: expected at most 20 columns, found x \(40, 50\)"):
        prepared(train=str(tmp_path / "wide.npz"), max_columns=20)
    table = {f"x{number}": [str(row) for row in range(40)] for number in range(50)} | {
        "label": ["a", "b"] * 20
    }
    with pytest.raises(DataError, match=r"data\.max_columns: expected at most 20 columns, found 51"):
        prepared(train=write_csv(tmp_path / "wide.csv", table), max_columns=20)
