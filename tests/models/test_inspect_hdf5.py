"""HDF5 files made to attack: each is refused with a typed error."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from models.attacked import members, rewrite

from trimtab.errors import ModelError
from trimtab.models import archive, inspect_archive, inspect_hdf5


def bomb(shape: tuple[int, ...], **options: Any) -> Callable[[h5py.File], None]:
    def write(file: h5py.File) -> None:
        file.create_dataset("bomb", shape, "float32", **options)

    return write


def outside(target: Path) -> dict[str, Callable[[h5py.File], None]]:
    layout = h5py.VirtualLayout((4,), "float32")
    layout[:] = h5py.VirtualSource(str(target), "secret", (4,))
    return {
        "external link": lambda file: file.__setitem__("link", h5py.ExternalLink(str(target), "/secret")),
        "soft link": lambda file: file.__setitem__("link", h5py.SoftLink("/anywhere")),
        "external storage": lambda file: file.create_dataset(
            "raw", (4,), "float32", external=[(str(target), 0, 16)]
        ),
        "virtual": lambda file: file.create_virtual_dataset("virtual", layout),
    }


def add_to_weights(saved: Path, write: Callable[[h5py.File], Any]) -> None:
    contents = members(saved)
    buffer = io.BytesIO(contents["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        write(file)
    rewrite(saved, {**contents, "model.weights.h5": buffer.getvalue()})


@pytest.mark.parametrize("way", ["external link", "soft link", "external storage", "virtual"])
@pytest.mark.parametrize("kind", ["keras", "h5"])
def test_hdf5_that_points_outside(saved: Path, saved_h5: Path, tmp_path: Path, way: str, kind: str) -> None:
    """CVE-2026-1669: weights that are read from another file of the machine."""
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["secret"] = np.ones(4, np.float32)
    write = outside(secret)[way]
    if kind == "keras":
        add_to_weights(saved, write)
    else:
        with h5py.File(saved_h5, "r+") as file:
            write(file)
    with pytest.raises(ModelError, match=r"never followed|another file"):
        archive.load(saved if kind == "keras" else saved_h5)


@pytest.mark.parametrize(
    "write",
    [
        bomb((10**9, 100), chunks=(1024, 100), compression="gzip"),
        bomb((10**12,), chunks=(1024,)),
        bomb((10**7,), chunks=(1024,), compression="gzip", fillvalue=1.0),
    ],
    ids=["huge, compressed", "huge, never written", "40 MB in nothing"],
)
@pytest.mark.parametrize("kind", ["keras", "h5"])
def test_hdf5_bomb(saved: Path, saved_h5: Path, write: Callable[[h5py.File], None], kind: str) -> None:
    """CVE-2026-0897: a small file that declares huge arrays; nothing of that size is ever allocated."""
    if kind == "keras":
        add_to_weights(saved, write)
    else:
        with h5py.File(saved_h5, "r+") as file:
            write(file)
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match="declares"):
            archive.load(saved if kind == "keras" else saved_h5)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_weights_that_come_to_more_than_they_are_stored_in(saved_h5: Path) -> None:
    with h5py.File(saved_h5, "r+") as root:
        root.create_dataset("repeated", data=np.tile(np.arange(1024, dtype=np.float32), 2048), compression=1)
    with pytest.raises(ModelError, match=r"model\.limits\.weights_mb: .*come to 8 MB"):
        inspect_archive.inspect(saved_h5, most_bytes=4 << 20)
    assert inspect_archive.inspect(saved_h5, most_bytes=16 << 20)


@pytest.mark.parametrize(("place", "said"), [("/".join("g" * 102), "deep"), ("many", "groups and arrays")])
def test_a_tree_that_is_too_large_says_what_to_do(
    saved_h5: Path, place: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect_hdf5, "MAX_ITEMS", 200)
    with h5py.File(saved_h5, "r+") as root:
        group = root.create_group(place)
        for number in range(200 if place == "many" else 0):
            group.create_group(str(number))
    with pytest.raises(ModelError, match=said) as caught:
        inspect_archive.inspect(saved_h5)
    assert "model.builder" in str(caught.value)


def test_hdf5_objects_instead_of_numbers(saved_h5: Path) -> None:
    with h5py.File(saved_h5, "r+") as file:
        file.create_dataset("text", data="hello")
    with pytest.raises(ModelError, match="expected numbers"):
        archive.load(saved_h5)
