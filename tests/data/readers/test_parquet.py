from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trimtab.config.data import Data
from trimtab.data.readers.registry import reader_for
from trimtab.errors import DataError


def test_small_row_groups_are_read_together(tmp_path):
    path = str(tmp_path / "rows.parquet")
    pq.write_table(pa.table({"a": range(1000)}), path, row_group_size=10)
    config = Data(train=path)
    assert len(reader_for(path, config).partitions(path, config)) == 1


def test_wide_tables_are_cut_within_row_groups_and_read_some_columns_at_a_time(tmp_path, read, monkeypatch):
    for name, value in {
        "_WIDE": 3,
        "_CELLS_PER_PARTITION": 20,
        "_LEAST_ROWS": 5,
        "_CELLS_PER_BATCH": 8,
        "_LEAST_ROWS_PER_BATCH": 1,
        "_COLUMNS_AT_A_TIME": 2,
    }.items():
        monkeypatch.setattr(f"trimtab.data.readers.parquet.{name}", value)
    path, words = str(tmp_path / "rows.parquet"), pa.array(["x", None, "y"] * 5).dictionary_encode()
    table = pa.table({"i": range(15), "f": [0.5, None, 2.0] * 5, "w": words, "y": [0, 1, 1] * 5})
    pq.write_table(table, path, row_group_size=4)
    config = Data(train=path)
    assert [(part.start, part.stop) for part in reader_for(path, config).partitions(path, config)] == [
        (0, 5),
        (5, 10),
        (10, 15),
    ]
    assert read(path) == table.to_pylist()
    monkeypatch.setattr("trimtab.data.readers.parquet._LEAST_ROWS", 8)  # so few are not worth two parts
    assert len(reader_for(path, config).partitions(path, config)) == 1
    pq.write_table(table.slice(0, 0), path)
    assert read(path) == []


def test_types_are_kept(tmp_path, read):
    table = pa.table({"i": [1, None], "f": [0.5, None], "b": [True, None], "s": ["x", None], "y": [0, 1]})
    pq.write_table(table, tmp_path / "rows.parquet")
    assert read(tmp_path / "rows.parquet") == table.to_pylist()


def test_encoded_files_in_structs_become_binary_columns(tmp_path, read, make_png):
    """The way the `datasets` library stores images."""
    images = [{"bytes": make_png(i), "path": f"{i}.png"} for i in range(4)]
    pq.write_table(pa.table({"image": images, "label": [0, 1, 0, 1]}), tmp_path / "rows.parquet")
    assert read(tmp_path / "rows.parquet")[2] == {"image": make_png(2), "label": 0}


def test_several_files_are_one_source(tmp_path, read):
    for part in range(3):
        pq.write_table(pa.table({"a": [part], "y": [0]}), tmp_path / f"part-{part}.parquet")
    (tmp_path / "_SUCCESS").touch()
    assert [row["a"] for row in read(tmp_path)] == [0, 1, 2]
    pq.write_table(pa.table({"b": [1], "y": [0]}), tmp_path / "part-3.parquet")
    with pytest.raises(DataError, match="part-3"):
        read(tmp_path)


def test_a_damaged_page_is_an_error_that_names_the_file(tmp_path, read):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": [f"value {i * 7919}" for i in range(5000)]}), path, compression="snappy")
    content = bytearray(path.read_bytes())
    content[200:5000] = bytes(4800)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"rows\.parquet"):
        read(path)


def test_no_rows(tmp_path, read):
    pq.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "rows.parquet")
    assert read(tmp_path / "rows.parquet") == []
