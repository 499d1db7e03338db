from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from trimtab.data.dataset import origins as origins_file
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.dataset.origins import Origin, read_origins, share_of_copies
from trimtab.data.prepare.prepare import PreparedSummary
from trimtab.data.readers import csv as csv_reader
from trimtab.data.schema import SPLITS
from trimtab.errors import ArtifactError

Prepare = Callable[..., tuple[Dataset, PreparedSummary]]


def _table(rows: int = 600) -> pa.Table:
    values = np.random.default_rng(0).normal(size=(rows, 2)).round(4)
    return pa.table({"a": values[:, 0], "b": values[:, 1], "label": [f"c{row % 3}" for row in range(rows)]})


def _origins(dataset: Dataset, split: str) -> list[Origin]:
    return [each for part in read_origins(dataset.path, split) for each in part]


def test_rows_are_told_in_the_order_of_the_shards_over_all_partitions(
    tmp_path: Path, prepared: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_reader, "BYTES_PER_PARTITION", 3000)
    for name, start in (("a.csv", 0), ("b.csv", 300)):
        pacsv.write_csv(_table(600).slice(start, 300), tmp_path / name)
    dataset, _ = prepared(train=str(tmp_path / "*.csv"))
    assert len(dataset.shards("train")) > 2
    tables = {str(tmp_path / name): pacsv.read_csv(tmp_path / name) for name in ("a.csv", "b.csv")}
    for split in ("validation", "test"):
        origins, (x, y) = _origins(dataset, split), dataset.arrays(split)
        assert len(origins) == dataset.rows[split] == len(y)
        places = [(tables[each.source], each.row - 1) for each in origins]
        values = np.array([table["a"][row].as_py() for table, row in places])
        assert np.corrcoef(values, x[:, 0])[0, 1] == pytest.approx(1)
        assert [table["label"][row].as_py() for table, row in places] == [each.label for each in origins]
        assert [dataset.schema.classes[label] for label in y] == [each.label for each in origins]
    every = [(each.source, each.row) for split in SPLITS for each in _origins(dataset, split)]
    assert len(set(every)) == 600


def test_a_row_has_one_hash_wherever_it_is(tmp_path: Path, prepared: Prepare) -> None:
    pacsv.write_csv(_table(), tmp_path / "rows.csv")
    pq.write_table(_table().take(pa.array(np.arange(599, -1, -1))), tmp_path / "rows.parquet")
    found = {}
    for ending in ("csv", "parquet"):
        dataset, _ = prepared(ending, train=str(tmp_path / f"rows.{ending}"))
        found[ending] = {each.hash: each for each in _origins(dataset, "test")}
    assert found["csv"].keys() == found["parquet"].keys()
    for digest, origin in found["csv"].items():
        assert len(digest) == 32
        assert origin.row + found["parquet"][digest].row == 601
        assert origin.label == found["parquet"][digest].label


def test_files_are_told_by_their_names(
    tmp_path: Path, prepared: Prepare, make_png: Callable[..., bytes]
) -> None:
    for place in range(80):
        folder = tmp_path / "images" / "ab"[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{place}.png").write_bytes(make_png(place))
    dataset, _ = prepared(train=str(tmp_path / "images"))
    origins = _origins(dataset, "test")
    assert len(origins) == dataset.rows["test"]
    for each in origins:
        assert (each.row, each.label) == (0, Path(each.source).parent.name)
        assert each.source.endswith(".png")


def test_copies_are_counted_and_of_many_rows_estimated(
    tmp_path: Path, prepared: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    pacsv.write_csv(pa.concat_tables([_table(1200), _table(600)]), tmp_path / "rows.csv")
    dataset, summary = prepared(train=str(tmp_path / "rows.csv"))
    inputs = [each.hash for each in _origins(dataset, "test")]
    share = share_of_copies(dataset.path, "test")
    assert share == pytest.approx(1 - len(set(inputs)) / len(inputs))
    assert share == pytest.approx(1 / 3, abs=0.05)
    assert "of the test rows are copies of others: the test counts an input once" in "".join(summary.warnings)
    monkeypatch.setattr(origins_file, "_COUNTED", len(inputs) // 2)
    assert share_of_copies(dataset.path, "test") == pytest.approx(share, abs=0.1)


def test_a_dataset_of_an_older_version_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="an older version made it"):
        list(read_origins(tmp_path, "test"))
