"""Small sources of every format, written by the libraries that people write them with."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trimtab.config.data import Data
from trimtab.data.readers.registry import reader_for
from trimtab.registry import READERS

WORDS = [
    "plain",
    "with, comma",
    'with "quotes"',
    "with\nline feed",
    "ünïcödé 漢字",
    "",
    " spaces ",
    "a;b\tc|d",
]


def write_csv(folder: Path) -> Path:
    path = folder / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["number", "text", "label"])
        writer.writerows([i, WORDS[i % len(WORDS)], "ab"[i % 2]] for i in range(200))
    return path


def write_parquet(folder: Path) -> Path:
    table = pa.table({"number": range(200), "text": WORDS * 25, "label": ["a", "b"] * 100})
    pq.write_table(table, folder / "rows.parquet", row_group_size=17)
    return folder / "rows.parquet"


def write_npz(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    np.savez_compressed(
        folder / "rows.npz",
        x=rng.normal(size=(200, 3)),
        image=np.zeros((200, 4, 5), "u1"),
        y=np.arange(200) % 3,
    )
    return folder / "rows.npz"


def write_jsonl(folder: Path) -> Path:
    rows = ({"number": i, "text": WORDS[i % len(WORDS)], "label": "ab"[i % 2]} for i in range(200))
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder / "rows.jsonl"


def write_folder(folder: Path, content: Callable[[int], bytes], ending: str) -> Path:
    for i in range(30):
        file = folder / "root" / f"class {i % 3}" / f"{i}{ending}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content(i))
    return folder / "root"


def write_zip(folder: Path, content: Callable[[int], bytes], ending: str) -> Path:
    with zipfile.ZipFile(folder / "files.zip", "w") as archive:
        for i in range(30):
            archive.writestr(f"around/it all/class {i % 3}/{i}{ending}", content(i))
    return folder / "files.zip"


TABLES = {"csv": write_csv, "parquet": write_parquet, "npz": write_npz, "jsonl": write_jsonl}
FOLDERS = ("image_folder", "image_zip", "wav_folder", "wav_zip")


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers the toy format: the one line."""
    monkeypatch.setitem(READERS, "jsonl", "data.readers.toy_reader")


@pytest.fixture
def written(
    tmp_path: Path, make_png: Callable[..., bytes], make_wav: Callable[..., bytes]
) -> Callable[[str], Path]:
    """Writes a source of a format by its name."""

    def write(name: str) -> Path:
        if name in TABLES:
            return TABLES[name](tmp_path)
        kind, _, container = name.partition("_")
        store = write_zip if container == "zip" else write_folder
        return store(tmp_path, make_png, ".PNG") if kind == "image" else store(tmp_path, tone, ".wav")

    def tone(i: int) -> bytes:
        return make_wav(0.01 + i / 1000)

    return write


@pytest.fixture(params=[*TABLES, *FOLDERS, "sklearn"])
def source(request: pytest.FixtureRequest, written: Callable[[str], Path]) -> str:
    """A source of each format in turn."""
    return "sklearn://iris" if request.param == "sklearn" else str(written(request.param))


@pytest.fixture
def small_partitions(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes every reader cut its source into many pieces from then on."""

    def shrink() -> None:
        for module, name, value in [
            ("csv", "BYTES_PER_PARTITION", 64),
            ("parquet", "ROWS_PER_PARTITION", 40),
            ("npz", "_ROWS_PER_PARTITION", 7),
            ("folder", "FILES_PER_PARTITION", 4),
        ]:
            monkeypatch.setattr(f"trimtab.data.readers.{module}.{name}", value)
        monkeypatch.setattr("data.readers.toy_reader.LINES", 9)

    return shrink


@pytest.fixture
def read() -> Callable[..., list[dict[str, Any]]]:
    """Reads all rows of a source, partition by partition."""

    def rows(source: str | Path, **settings: Any) -> list[dict[str, Any]]:
        config = Data(train=str(source), **settings)
        reader = reader_for(config.train, config)
        partitions = reader.partitions(config.train, config)
        batches = [batch for partition in partitions for batch in reader.read(partition, config)]
        return [row for batch in batches for row in batch.to_pylist()]

    return rows
