"""Which columns of text are but plain numbers."""

from __future__ import annotations

import pyarrow as pa
import pytest

from trimtab.data.values.canonical import canonical
from trimtab.data.values.hashing import row_digests
from trimtab.data.values.plain import plain_columns


@pytest.mark.parametrize("odd", ["", "x", " 1", "1e400", "inf", "nan", "1,5", None])
def test_a_column_with_another_cell_is_not_among_them(odd: str | None) -> None:
    columns = [
        pa.array(["1", "2.5", "-3e2"]),
        pa.array(["4", odd, ".5"], pa.string()),
        pa.array(["7.", "8", "0"]),
    ]
    assert plain_columns(columns) == ([0, 2], [1] if odd == "" else [])


def test_gaps_alone_are_empty_cells() -> None:
    texts = [["", "1", "2.5"], ["1", "", ""], ["", "", ""], ["1", "", "NA"], ["", "x", "1"], ["1", "2", "3"]]
    assert plain_columns([pa.array(cells) for cells in texts]) == ([5], [0, 1])


def test_rows_are_hashed_as_column_by_column(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [["1", "0.50"], ["007", "2"], ["x", "3"], ["-0", "1e3"], ["4", ""], ["", "5.50"]]
    batch = pa.RecordBatch.from_arrays([pa.array(cells) for cells in texts], names=list("abcdef"))
    assert canonical(batch.column("a")).to_pylist() == ["1", "0.5"]
    alone = row_digests(batch, batch.schema.names).tolist()
    monkeypatch.setattr("trimtab.data.values.hashing._MANY", 1)
    assert row_digests(batch, batch.schema.names).tolist() == alone
