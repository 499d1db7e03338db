from __future__ import annotations

from pathlib import Path

import keras
import pytest

from trimtab.models.spec import ModelSpec


@pytest.fixture
def image_spec() -> ModelSpec:
    return ModelSpec("image", "classification", (8, 8, 1), "float32", 10)


@pytest.fixture
def table_spec() -> ModelSpec:
    return ModelSpec("tabular", "classification", (4,), "float32", 3)


@pytest.fixture
def mlperf_resnet8(real_data: Path) -> Path:
    path = real_data / "mlperf_tiny_resnet8" / "pretrainedResnet.h5"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    return path


@pytest.fixture
def model() -> keras.Model:
    inputs = keras.Input((4,), name="features")
    x = keras.layers.Dense(5, activation="relu", name="hidden")(inputs)
    return keras.Model(
        inputs, keras.layers.Dense(3, activation="softmax", name="predictions")(x), name="small"
    )


@pytest.fixture
def saved(model: keras.Model, tmp_path: Path) -> Path:
    path = tmp_path / "model.keras"
    model.save(path)
    return path


@pytest.fixture
def saved_h5(model: keras.Model, tmp_path: Path) -> Path:
    path = tmp_path / "model.h5"
    model.save(path)
    return path
