from pathlib import Path
from typing import Any

import keras
import pytest

from trimtab.models.first_layers import expected

L = keras.layers


def _saved(tmp_path: Path, *layers: Any, dtype: str = "float32", ending: str = ".keras") -> Path:
    path = tmp_path / f"model{ending}"
    keras.Sequential([keras.Input((8, 8, 1), dtype=dtype), *layers, L.Flatten(), L.Dense(2)]).save(path)
    return path


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_model_that_begins_by_rescaling_takes_raw_numbers(tmp_path: Path, ending: str) -> None:
    found = expected(_saved(tmp_path, L.RandomFlip(), L.Rescaling(1 / 255, name="to_one"), ending=ending))
    assert found is not None
    assert found.range == "raw"
    assert "to_one (Rescaling)" in found.why


def test_a_factor_too_large_for_pixels_is_one_for_0_to_1(tmp_path: Path) -> None:
    found = expected(_saved(tmp_path, L.Rescaling(2.0, offset=-1.0)))
    assert found is not None
    assert found.range == (0.0, 1.0)
    found = expected(_saved(tmp_path, L.Normalization(mean=[0.485], variance=[0.0524])))
    assert found is not None
    assert found.range == (0.0, 1.0)
    found = expected(_saved(tmp_path, L.Normalization(mean=[120.0], variance=[3500.0])))
    assert found is not None
    assert found.range == "raw"


def test_integers_are_raw_numbers(tmp_path: Path) -> None:
    found = expected(_saved(tmp_path, dtype="uint8"))
    assert found is not None
    assert (found.range, found.why) == ("raw", "its input is uint8")


def test_a_nested_model_is_looked_into(tmp_path: Path) -> None:
    inner = keras.Sequential([keras.Input((8, 8, 1)), L.Rescaling(1 / 127.5, -1.0), L.Conv2D(2, 3)])
    found = expected(_saved(tmp_path, inner))
    assert found is not None
    assert found.range == "raw"


def test_other_first_layers_say_nothing(tmp_path: Path) -> None:
    assert expected(_saved(tmp_path, L.Conv2D(2, 3), L.Rescaling(1 / 255))) is None
