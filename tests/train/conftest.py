"""Small datasets to train on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trimtab.data.dataset.dataset import Dataset
from trimtab.data.schema import Column, DatasetSchema, InputName, TensorSpec


@pytest.fixture
def classification(write_dataset: Callable[..., Path]) -> Callable[..., Dataset]:
    """Returns a function that makes a dataset of noisy patterns, one a class."""

    def make(
        shape: tuple[int, ...] = (8, 8, 1),
        kind: InputName = "image",
        classes: int = 3,
        rows: tuple[int, int] = (200, 60),
        seed: int = 0,
        share: list[float] | None = None,
    ) -> Dataset:
        rng = np.random.default_rng(seed)
        patterns = rng.integers(0, 160, (classes, *shape))

        def split(n: int) -> tuple[np.ndarray, np.ndarray]:
            y = rng.choice(classes, n, p=share)
            return (patterns[y] + rng.integers(0, 96, (n, *shape))).astype(np.uint8), y

        schema = DatasetSchema(
            task="classification",
            label="label",
            classes=[f"class {c}" for c in range(classes)],
            columns=[Column(name="x", kind="image" if kind == "image" else "numeric")],
            input=TensorSpec(kind=kind, shape=shape, stored_dtype="uint8", scale=[1 / 255], offset=[0.0]),
            preprocessing={},
        )
        sizes = {"train": rows[0], "validation": rows[1], "test": 10}
        splits = {name: split(size) for name, size in sizes.items() if size}
        return Dataset.open(write_dataset(schema, splits))

    return make


@pytest.fixture
def regression(write_dataset: Callable[..., Path]) -> Callable[..., Dataset]:
    """Returns a function that makes a dataset of a noisy linear function; labels: 100 ± 50."""

    def make(rows: tuple[int, int] = (200, 60)) -> Dataset:
        rng = np.random.default_rng(0)
        slope = np.array([1.0, -2.0, 0.5]) / np.sqrt(5.25)

        def split(n: int) -> tuple[np.ndarray, np.ndarray]:
            x = rng.normal(size=(n, 3)).astype(np.float32)
            return x, (x @ slope + 0.05 * rng.normal(size=n)).astype(np.float32)

        schema = DatasetSchema(
            task="regression",
            label="price",
            columns=[Column(name="x", kind="numeric")],
            input=TensorSpec(kind="tabular", shape=(3,), stored_dtype="float32"),
            label_mean=100.0,
            label_std=50.0,
            preprocessing={},
        )
        splits = {"train": split(rows[0]), "validation": split(rows[1]), "test": split(10)}
        return Dataset.open(write_dataset(schema, splits))

    return make
