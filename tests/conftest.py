"""Fixtures that every room's tests may use."""

from __future__ import annotations

import gc
import inspect
import multiprocessing.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import yaml

from trimtab.data.dataset.dataset import SCHEMA_FILE, STATISTICS_FILE, layout_of
from trimtab.data.schema import DatasetSchema
from trimtab.storage import artifact

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))
# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")

from faults.fixtures import (  # noqa: E402
    emulator,
    hasty,
    moto_s3,
    moto_server,
    proxy,
    s3_emulator,
    s3_proxy,
    short_pauses,
)
from linear import linear_tflite as linear_tflite_of  # noqa: E402

__all__ = [
    "emulator",
    "hasty",
    "moto_s3",
    "moto_server",
    "proxy",
    "s3_emulator",
    "s3_proxy",
    "short_pauses",
]

Splits = dict[str, tuple[np.ndarray, np.ndarray]]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.pop("MLFLOW_TRACKING_URI", None)  # no run of a test is for whom it names
multiprocessing.util.get_temp_dir()  # the fork server's socket outlives the test that first asks for it
# KFP asks at every setting of a task for its caller's name. With lines of source, as by default, that looks
# through all imported modules once a frame: 0.1 to 0.4 s in a suite, and a pipeline has dozens of settings.
inspect.stack = lambda context=0: inspect.getouterframes(sys._getframe(1), context)
# Only tests and KFP read several documents: compiled pipelines, half a second each by PyYAML's own parser.
yaml.safe_load_all = lambda stream: yaml.load_all(stream, Loader=yaml.CSafeLoader)
os.fsync = lambda _: None  # no test pulls the plug: what is written outlives a kill without it


def pytest_collection_finish() -> None:
    """Leaves what the suite imported out of every collection of garbage: Keras asks for one per training."""
    gc.freeze()


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
            draft.lineage = {"fingerprint": "0" * 64, "test_fingerprint": "1" * 64, "warnings": []}
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def digits_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the dataset artifact of scikit-learn's handwritten digits, prepared as in a run."""
    from trimtab.config.config import Config
    from trimtab.stages import data_prep

    folder = tmp_path_factory.mktemp("digits")
    config = {"data": {"train": "sklearn://digits", "workers": 1}, "model": {"architecture": "cnn"}}
    text = Config.model_validate(config).model_dump_json()
    return folder / "store" / data_prep.run(str(folder / "run"), text)


@pytest.fixture(scope="session")
def linear_tflite() -> Callable[..., bytes]:
    """Returns a function that makes a real LiteRT model without TensorFlow: one dense layer.

    ``linear_tflite(weights (outputs, inputs), bias, shape=(8, 8, 1), softmax=True, tokens=False)``
    """
    return linear_tflite_of
