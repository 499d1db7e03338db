from __future__ import annotations

from pathlib import Path

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
