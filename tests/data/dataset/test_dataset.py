from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trimtab.data.dataset.dataset import Dataset
from trimtab.data.schema import Column, DatasetSchema, TensorSpec
from trimtab.errors import ArtifactError
from trimtab.storage import artifact


@pytest.fixture
def images() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(1)
    sizes = {"train": 50, "validation": 7, "test": 13}
    return {s: (rng.integers(0, 256, (n, 6, 5, 3)), rng.integers(0, 4, n)) for s, n in sizes.items()}


@pytest.fixture
def path(write_dataset: Callable[..., Path], images: dict[str, tuple[np.ndarray, np.ndarray]]) -> Path:
    schema = DatasetSchema(
        task="classification",
        label="label",
        classes=["a", "b", "c", "d"],
        columns=[Column(name="image", kind="image")],
        input=TensorSpec(
            kind="image", shape=(6, 5, 3), stored_dtype="uint8", scale=[1 / 127.5], offset=[-1.0]
        ),
        preprocessing={"kind": "image"},
    )
    return write_dataset(schema, images)


def test_arrays_are_what_was_written(path: Path, images: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    dataset = Dataset.open(path)
    assert dataset.rows == {"train": 50, "validation": 7, "test": 13}
    for split, (x, y) in images.items():
        read_x, read_y = dataset.arrays(split)
        assert (read_x.dtype, read_y.dtype) == (np.uint8, np.int64)
        np.testing.assert_array_equal(read_x, x)
        np.testing.assert_array_equal(read_y, y)


@pytest.mark.parametrize("batch_size", [1, 8, 50, 64])
def test_batches_are_the_arrays_in_order_as_the_model_takes_them(path: Path, batch_size: int) -> None:
    dataset = Dataset.open(path)
    x, y = dataset.arrays("train")
    batches = list(dataset.batches("train", batch_size))
    assert all(len(labels) == batch_size for _, labels in batches[:-1])
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), y)
    joined = np.concatenate([batch["input"] for batch, _ in batches])
    assert joined.dtype == np.float32
    np.testing.assert_allclose(joined, x / 127.5 - 1, atol=1e-6)


def test_head_is_the_first_rows(path: Path) -> None:
    dataset = Dataset.open(path)
    x, y = dataset.arrays("test")
    head_x, head_y = dataset.head("test", 5)
    np.testing.assert_array_equal(head_y, y[:5])
    np.testing.assert_array_equal(head_x["input"], dataset.model_input(x[:5]))
    assert len(dataset.head("test", 1000)[1]) == 13


def test_tokens_stay_integers(write_dataset: Callable[..., Path]) -> None:
    schema = DatasetSchema(
        task="regression",
        label="y",
        columns=[Column(name="text", kind="text")],
        input=TensorSpec(kind="text", shape=(3,), stored_dtype="int32"),
        preprocessing={"kind": "text"},
    )
    x, y = np.array([[5, 1, 0], [2, 0, 0]]), np.array([0.5, -1.5])
    dataset = Dataset.open(write_dataset(schema, {"train": (x, y)}))
    batch, values = dataset.head("train", 2)
    tokens = batch["input"]
    assert (tokens.dtype, values.dtype) == (np.int32, np.float32)
    np.testing.assert_array_equal(tokens, x)
    assert dataset.head("test", 4)[0]["input"].shape == (0, 3)


def test_a_flipped_bit_and_a_missing_file_are_errors(path: Path) -> None:
    shard = path / "test" / "part-00000.tfrecord"
    whole = shard.read_bytes()
    damaged = bytearray(whole)
    damaged[100] ^= 1
    for content in (bytes(damaged), whole[:-1], whole[: len(whole) // 13], b""):
        shard.write_bytes(content)
        with pytest.raises(ArtifactError, match=r"part-00000\.tfrecord"):
            Dataset.open(path)
    shard.unlink()
    with pytest.raises(ArtifactError, match="missing"):
        Dataset.open(path)


def test_rows_lost_on_a_record_boundary_are_an_error(
    path: Path, tmp_path: Path, images: dict[str, tuple[np.ndarray, np.ndarray]]
) -> None:
    """Even when the manifest's checksums were made after the loss."""
    with artifact.create(tmp_path / "other", "dataset") as draft:
        for file in path.rglob("*"):
            if file.is_file() and file.name != artifact.MANIFEST:
                target = draft.path / file.relative_to(path)
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(file.read_bytes())
        shard = draft.path / "test" / "part-00000.tfrecord"
        shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 13 * 12])
        draft.counts = {split: len(y) for split, (_, y) in images.items()}
    with pytest.raises(ArtifactError, match="has 12 rows"):
        Dataset.open(tmp_path / "other").arrays("test")


def test_what_a_newer_trimtab_adds_to_a_schema_is_left_alone(digits_dataset: Path) -> None:
    schema = Dataset.open(digits_dataset).schema
    content = schema.model_dump(mode="json")
    newer = {**content, "added_later": 1, "input": {**content["input"], "added_later": [2]}}
    assert DatasetSchema.model_validate(newer) == schema
