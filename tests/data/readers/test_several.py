"""Several labels a row, whatever writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trimtab.config.data import Data
from trimtab.data.kinds.infer import infer_schema
from trimtab.data.readers.registry import reader_for
from trimtab.data.statistics.summary import Summary
from trimtab.errors import DataError

ROWS = ["␟cat␟dog", "␟", "␟dog"]


def read(source: Path, **config: Any) -> pa.RecordBatch:
    data = Data(train=str(source), **config)
    reader = reader_for(data.train, data)
    (partition,) = reader.partitions(data.train, data)
    (batch,) = reader.read(partition, data)
    return batch


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_joined_text_is_sorted_each_label_once_and_none_where_it_is_empty(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.csv", "x,tags\n1,dog | cat|dog\n2,\n3,dog\n")
    batch = read(source, task="multilabel", label="tags")
    assert batch.schema.names == ["x", "tags"]
    assert batch.column("tags").to_pylist() == ROWS


def test_what_stands_between_labels_can_be_told(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.csv", "x,tags\n1,dog;cat\n2,\n3,dog\n")
    batch = read(source, task="multilabel", label="tags", label_separator=";")
    assert batch.column("tags").to_pylist() == ROWS


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("yes", "no"), ("True", "False"), ("1.0", "0.0")])
def test_columns_of_yes_and_no_become_one(tmp_path: Path, yes: str, no: str) -> None:
    source = write(tmp_path / "rows.csv", f"dog,x,cat\n{yes},1,{yes}\n{no},2,{no}\n{yes},3,{no}\n")
    batch = read(source, label=["dog", "cat"])
    assert batch.schema.names == ["x", "dog, cat"]
    assert batch.column("dog, cat").to_pylist() == ROWS


def test_a_row_that_misses_one_of_its_labels_has_no_label(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.csv", "dog,x,cat\n1,1,\n")
    assert read(source, label=["dog", "cat"]).column("dog, cat").to_pylist() == [None]


def test_lists_of_parquet_are_labels(tmp_path: Path) -> None:
    table = pa.table({"tags": [["dog", "cat"], [], ["dog"], None], "x": [1, 2, 3, 4]})
    pq.write_table(table, tmp_path / "rows.parquet")
    batch = read(tmp_path / "rows.parquet", task="multilabel", label="tags")
    assert batch.column("tags").to_pylist() == [*ROWS, None]


def test_arrays_of_npz_are_columns(tmp_path: Path) -> None:
    cat, dog = np.array([1, 0, 0]), np.array([1, 0, 1])
    np.savez(tmp_path / "rows.npz", x=np.zeros((3, 2)), cat=cat, dog=dog)
    batch = read(tmp_path / "rows.npz", label=["cat", "dog"])
    assert batch.schema.names == ["x_0", "x_1", "cat, dog"]
    assert batch.column("cat, dog").to_pylist() == ROWS


@pytest.mark.parametrize(
    ("config", "message", "field"),
    [
        ({"label": ["dog", "cta"]}, "there is no column cta; the nearest is cat", "data.label"),
        ({"label": ["dog", "x"]}, "expected 1, yes, true or 0, no, false .* found '7'", "x"),
        ({"label": ["dog", "cat"], "task": "regression"}, "expected one column", "data.label"),
    ],
)
def test_what_is_no_label_is_named(tmp_path: Path, config: dict[str, Any], message: str, field: str) -> None:
    source = write(tmp_path / "rows.csv", "dog,x,cat\n1,7,0\n")
    with pytest.raises(DataError, match=message) as raised:
        read(source, **config)
    assert raised.value.field == field


def test_lists_of_a_task_that_takes_one_label_are_refused_with_the_task_that_takes_them(
    tmp_path: Path,
) -> None:
    pq.write_table(pa.table({"tags": [["dog"]], "x": [1]}), tmp_path / "rows.parquet")
    config = Data(train=str(tmp_path / "rows.parquet"), label="tags")
    with pytest.raises(DataError, match="expected one label a row") as raised:
        infer_schema(Summary.of(read(tmp_path / "rows.parquet", label="tags"), config), config)
    assert "data.task: multilabel" in str(raised.value.hint)
