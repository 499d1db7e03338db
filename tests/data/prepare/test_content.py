import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from trimtab.config.data import Data
from trimtab.data.champion.reference import Reference
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.prepare.content import fingerprint
from trimtab.data.prepare.prepare import PreparedSummary

Prepare = Callable[..., tuple[Dataset, PreparedSummary]]


def _rows(path: Path, rows: int, seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    table = {"size": rng.normal(size=rows), "color": rng.choice(["red", "blue"], rows)}
    table["label"] = rng.choice(["big", "small"], rows)
    pacsv.write_csv(pa.table(table), path)
    return str(path)


@pytest.mark.parametrize("given", [False, True])
def test_it_is_known_without_a_dataset(tmp_path: Path, prepared: Prepare, given: bool) -> None:
    sources = {"train": _rows(tmp_path / "a.csv", 800)}
    if given:
        sources["test"] = _rows(tmp_path / "b.csv", 300, seed=1)
    dataset, found = prepared("a", **sources)
    content = fingerprint(Data(workers=1, **sources))
    assert content == found.content
    assert content.fingerprint == dataset.fingerprint
    assert sum(content.rows.values()) == (1100 if given else 800)


def test_unusable_rows_are_counted(tmp_path: Path, prepared: Prepare, make_png: Callable[..., bytes]) -> None:
    images = [make_png(value % 200, (5, 4)) for value in range(200)]
    images[7] = images[7][:30] + images[7][-20:]
    table = pa.table({"image": images, "label": ["a", "b"] * 100})
    pq.write_table(table, tmp_path / "images.parquet")
    dataset, found = prepared(train=str(tmp_path / "images.parquet"), max_bad_fraction=0.1)
    assert sum(found.content.rows.values()) == 200
    assert sum(dataset.rows.values()) == 199


def test_with_a_champion_it_is_that_of_the_champions_columns(tmp_path: Path, prepared: Prepare) -> None:
    """A column that was left out as an identifier stays out, whatever it looks like now."""
    table = pacsv.read_csv(_rows(tmp_path / "a.csv", 400))
    for name, codes in {"b": 400, "c": 9}.items():
        code = pa.array([f"c{row % codes}" for row in range(400)])
        pacsv.write_csv(table.append_column("code", code), tmp_path / f"{name}.csv")
    champion, _ = prepared("champion", train=str(tmp_path / "b.csv"))
    config = Data(train=str(tmp_path / "c.csv"), workers=1)
    _, found = prepared("new", champion, train=config.train)
    assert found.schema_changes == []
    assert fingerprint(config, Reference.load(champion.path, None)) == found.content
    assert fingerprint(config) != found.content


def test_it_needs_no_tensorflow(tmp_path: Path) -> None:
    code = (
        "import sys; from trimtab.config.data import Data; "
        "from trimtab.data.prepare.content import fingerprint; "
        f"fingerprint(Data(train={_rows(tmp_path / 'a.csv', 300)!r})); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
