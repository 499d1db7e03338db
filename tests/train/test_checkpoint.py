from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trimtab.errors import ArtifactError
from trimtab.train.checkpoint import KEPT, Checkpoint, Checkpoints, decode

BINDING = {"settings": "a", "data": "b"}


@pytest.fixture
def said() -> list[str]:
    return []


def store(directory: Path, said: list[str], **binding: str) -> Checkpoints:
    return Checkpoints(directory, {**BINDING, **binding}, said.append)


def at(step: int) -> Checkpoint:
    arrays = {"w": np.full((2, 3), step, np.float32), "seed": np.array([step, 1], np.int64)}
    return Checkpoint({"step": step, "history": [{"loss": 0.1}]}, arrays)


def test_the_newest_comes_back_as_it_was(tmp_path: Path, said: list[str]) -> None:
    for step in (5, 10, 15):
        store(tmp_path, said).save(step, at(step))
    assert len(list(tmp_path.iterdir())) == KEPT
    found = store(tmp_path, said).latest()
    assert found is not None
    assert found.meta == at(15).meta
    assert found.arrays.keys() == at(15).arrays.keys()
    for name, value in at(15).arrays.items():
        np.testing.assert_array_equal(found.arrays[name], value)
        assert found.arrays[name].dtype == value.dtype
    assert not said


def test_nothing_there_is_nothing_found(tmp_path: Path, said: list[str]) -> None:
    assert store(tmp_path / "missing", said).latest() is None


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "text"])
def test_a_damaged_one_falls_back_to_the_one_before(tmp_path: Path, said: list[str], damage: str) -> None:
    for step in (5, 10):
        store(tmp_path, said).save(step, at(step))
    newest = max(tmp_path.iterdir())
    content = bytearray(newest.read_bytes())
    if damage == "flip":
        content[-30] ^= 4
    newest.write_bytes({"flip": content, "cut": content[:-1], "empty": b"", "text": b"not one"}[damage])
    found = store(tmp_path, said).latest()
    assert found is not None
    assert found.meta["step"] == 5
    assert len(said) == 1
    assert newest.name in said[0]
    assert "damaged" in said[0]


def test_every_flipped_bit_is_found(tmp_path: Path, said: list[str]) -> None:
    store(tmp_path, said).save(1, at(1))
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(whole) * 8, 200):
        content = bytearray(whole)
        content[place // 8] ^= 1 << int(place % 8)
        file.write_bytes(content)
        with pytest.raises(ArtifactError):
            decode(file)


def test_one_of_another_run_is_left_out_and_told(tmp_path: Path, said: list[str]) -> None:
    store(tmp_path, said, data="other").save(5, at(5))
    assert store(tmp_path, said).latest() is None
    assert said == ["checkpoint step-000000000005.ckpt is of another run (data differ) and is left out"]
    store(tmp_path, said).save(1, at(1))
    found = store(tmp_path, said).latest()
    assert found is not None
    assert found.meta["step"] == 1, "an older run's file must not hide the new one's"


def test_what_a_kill_left_half_written_is_cleared(tmp_path: Path, said: list[str]) -> None:
    store(tmp_path, said).save(5, at(5))
    (tmp_path / ".step-000000000010.ckpt.abc.part").write_bytes(b"half")
    assert store(tmp_path, said).latest() is not None
    assert [file.name for file in tmp_path.iterdir()] == ["step-000000000005.ckpt"]
