"""Zip files made to attack: each is refused with a typed error."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from models.attacked import members, rewrite

from trimtab.errors import ModelError
from trimtab.models import archive


@pytest.mark.parametrize(
    "name", ["../escaped.txt", "/tmp/escaped.txt", "assets/../../escaped.txt", "x/config.json"]
)
def test_zip_traversal(saved: Path, tmp_path: Path, name: str) -> None:
    """CVE-2025-12060, and its like for zip: members outside the archive."""
    rewrite(saved, {**members(saved), name: b"payload"})
    with pytest.raises(ModelError, match=r"expected config\.json"):
        archive.load(saved)
    assert not (tmp_path.parent / "escaped.txt").exists()


def test_zip_duplicate_member(saved: Path) -> None:
    contents = members(saved)
    with zipfile.ZipFile(saved, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("config.json", contents["config.json"])
    with pytest.raises(ModelError, match="once each"):
        archive.load(saved)


def test_zip_bomb(saved: Path) -> None:
    contents = {**members(saved), "model.weights.h5": b"\0" * 50_000_000}
    rewrite(saved, contents, zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="expand"):
        archive.load(saved)


@pytest.mark.parametrize("name", ["model.pt", "rows.csv", "model"])
def test_a_file_of_another_kind_is_told_how_others_come(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ModelError, match=r"expected a \.keras or \.h5 file") as caught:
        archive.load(tmp_path / name)
    assert ".onnx (PyTorch's: torch.onnx.export)" in caught.value.describe()
