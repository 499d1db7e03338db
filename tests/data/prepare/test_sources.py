from pathlib import Path

import pytest
from faults.emulator import Emulator

from trimtab.config.data import Data
from trimtab.data.prepare.sources import checksums
from trimtab.errors import DataError

HELLO = "yZRlqg=="  # the CRC-32C of b"hello world", as Cloud Storage writes it


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a/1.png", "a/2.png", "b/1.png", "b/.hidden.png", ".cache/3.png"):
        file = tmp_path / "images" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"hello world" if name == "a/1.png" else name.encode())
    return tmp_path / "images"


def test_every_visible_file_is_named_below_its_source(folder: Path) -> None:
    (folder / "rows.csv").write_bytes(b"hello world")
    found = checksums(Data(train=str(folder / "a"), validation=str(folder), test=str(folder / "rows.csv")))
    assert {split: list(files) for split, files in found.items()} == {
        "train": ["1.png", "2.png"],
        "validation": ["a/1.png", "a/2.png", "b/1.png", "rows.csv"],
        "test": ["rows.csv"],
    }
    assert found["train"]["1.png"] == found["validation"]["a/1.png"] == found["test"]["rows.csv"] == HELLO


@pytest.mark.parametrize("pattern", ["images/*/*.png", "images/**/*.png"])
def test_a_glob_names_files_below_its_first_wildcard(folder: Path, pattern: str) -> None:
    found = checksums(Data(train=str(folder.parent / pattern)))
    assert list(found["train"]) == ["a/1.png", "a/2.png", "b/1.png"]


def test_a_copy_elsewhere_has_the_same_checksums(folder: Path, tmp_path: Path) -> None:
    before = checksums(Data(train=str(folder)))
    folder.rename(tmp_path / "moved")
    assert checksums(Data(train=f"{tmp_path}/moved/")) == before
    (tmp_path / "moved" / "a" / "2.png").write_bytes(b"other")
    assert checksums(Data(train=str(tmp_path / "moved"))) != before


def test_built_in_data_has_no_files() -> None:
    assert checksums(Data(train="sklearn://digits")) == {"train": {}}


@pytest.mark.parametrize("name", ["nothing.csv", "*.nothing", "empty"])
def test_nothing_there_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no file"):
        checksums(Data(train=str(tmp_path / name)))


@pytest.mark.parametrize("below", ["images", "images/**/*.png", "images/a/1.png"])
def test_a_bucket_has_the_names_and_checksums_of_the_same_files_here(
    emulator: Emulator, folder: Path, below: str
) -> None:
    for file in ("a/1.png", "a/2.png", "b/1.png"):
        emulator.state.put("bucket", {"name": f"data/images/{file}"}, (folder / file).read_bytes())
    here = checksums(Data(train=str(folder.parent / below)))
    assert checksums(Data(train=f"gs://bucket/data/{below}")) == here
    assert here["train"]
