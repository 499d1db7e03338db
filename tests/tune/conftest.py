"""A small dataset to search on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trimtab.data.dataset.dataset import Dataset
from trimtab.data.schema import Column, DatasetSchema, TensorSpec


@pytest.fixture
def tabular(write_dataset: Callable[..., Path]) -> Dataset:
    """Returns three overlapping clusters."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 6))

    def split(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = rng.integers(0, 3, n)
        return (centres[y] + 0.8 * rng.normal(size=(n, 6))).astype(np.float32), y

    schema = DatasetSchema(
        task="classification",
        label="label",
        classes=["a", "b", "c"],
        columns=[Column(name="x", kind="numeric")],
        input=TensorSpec(kind="tabular", shape=(6,), stored_dtype="float32"),
        preprocessing={},
    )
    return Dataset.open(
        write_dataset(schema, {"train": split(240), "validation": split(80), "test": split(10)})
    )
