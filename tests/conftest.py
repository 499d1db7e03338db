"""Fixtures that every room's tests may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trimtab.data.dataset import SCHEMA_FILE, STATISTICS_FILE, layout_of
from trimtab.data.schema import DatasetSchema
from trimtab.storage import artifact

Splits = dict[str, tuple[np.ndarray, np.ndarray]]
ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def root() -> Path:
    """Returns the repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Returns the folder of real data sets, or skips: the project does not ship them."""
    folder = Path(os.environ.get("TRIMTAB_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data sets at {folder}; set TRIMTAB_TEST_DATA to their folder")
    return folder


@pytest.fixture
def write_dataset(tmp_path: Path) -> Callable[[DatasetSchema, Splits], Path]:
    """Returns a function that writes arrays as a dataset artifact and returns its path.

    ``write_dataset(schema, {"train": (x as stored (n, *shape), y (n,)), "validation": ..., "test": ...})``
    """

    def write(schema: DatasetSchema, splits: Splits, name: str = "dataset") -> Path:
        with artifact.create(tmp_path / name, "dataset") as draft:
            (draft.path / SCHEMA_FILE).write_text(schema.model_dump_json())
            (draft.path / STATISTICS_FILE).write_text("{}")
            for split, (x, y) in splits.items():
                raw = np.ascontiguousarray(x, schema.input.stored_dtype).reshape(len(y), -1).view(np.uint8)
                (draft.path / split).mkdir()
                shard = draft.path / split / "part-00000.tfrecord"
                shard.write_bytes(layout_of(schema).encode(raw, y))
                draft.counts[split] = len(y)
            draft.lineage = {"fingerprint": "0" * 64, "warnings": []}
        return tmp_path / name

    return write
