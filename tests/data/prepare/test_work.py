from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trimtab.config.data import Data
from trimtab.data.prepare import work
from trimtab.data.prepare.executor import Inline, ProcessPool


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Returns the path of a table in two partitions, on a machine of four processors."""
    monkeypatch.setattr("trimtab.data.readers.parquet._WIDE", 3)
    monkeypatch.setattr("trimtab.data.readers.parquet._LEAST_ROWS", 5)
    monkeypatch.setattr("trimtab.data.readers.parquet._CELLS_PER_PARTITION", 15)
    monkeypatch.setattr(work, "_SMALL_BYTES", 0)
    for name in ("work.cpus", "executor.cpus", "work.threads"):
        monkeypatch.setattr(f"trimtab.data.prepare.{name}", lambda: 4)
    path = str(tmp_path / "rows.parquet")
    pq.write_table(
        pa.table({"a": range(10), "b": range(10), "label": ["x", "y"] * 5}), path, row_group_size=5
    )
    return path


@pytest.mark.parametrize(("asked", "expected"), [(None, Inline), (2, ProcessPool)])
def test_a_wide_table_is_left_to_the_threads_of_one_process_unless_more_are_asked_for(table, asked, expected):
    config = Data(train=table, workers=asked)
    parts = work.parts_of(config)
    assert [part.partition.wide for part in parts] == [True, True]
    with work.workers_for(parts, config) as workers:
        assert isinstance(workers, expected)


def test_other_tables_have_a_process_for_each_processor(table, monkeypatch):
    monkeypatch.setattr("trimtab.data.readers.parquet._WIDE", 4)
    monkeypatch.setattr("trimtab.data.readers.parquet.ROWS_PER_PARTITION", 5)
    config = Data(train=table)
    parts = work.parts_of(config)
    assert [part.partition.wide for part in parts] == [False, False]
    with work.workers_for(parts, config) as workers:
        assert isinstance(workers, ProcessPool)
