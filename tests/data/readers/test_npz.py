from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from trimtab.errors import DataError


@pytest.fixture
def save(tmp_path):
    def save(**arrays):
        np.savez(tmp_path / "rows.npz", **arrays)
        return tmp_path / "rows.npz"

    return save


def test_columns_come_from_arrays_of_any_width(save, read):
    path = save(
        age=np.array([1, 2], "i2"),
        x=np.array([[0.5, 1.5], [2.5, 3.5]], "f4"),
        name=np.array(["a", "ü"]),
        code=np.array([b"p", b"q"]),
        half=np.array([[0.5], [1.0]], "f2"),
        y=np.array([[0], [1]]),
    )
    assert read(path) == [
        {"age": 1, "x_0": 0.5, "x_1": 1.5, "name": "a", "code": "p", "half": 0.5, "y": 0},
        {"age": 2, "x_0": 2.5, "x_1": 3.5, "name": "ü", "code": "q", "half": 1.0, "y": 1},
    ]


@pytest.mark.parametrize("shape", [(3, 6, 5), (3, 6, 5, 1), (3, 6, 5, 3)])
def test_images_are_encoded_without_loss(save, read, shape):
    images = np.random.default_rng(0).integers(0, 256, shape).astype("u1")
    for row, image in zip(read(save(x=images, y=[0, 1, 0])), images, strict=True):
        decoded = np.asarray(Image.open(io.BytesIO(row["x"])))
        np.testing.assert_array_equal(decoded, image.reshape(decoded.shape))


def test_float_images_between_0_and_1_become_bytes(save, read):
    row = read(save(x=np.full((2, 4, 4), 0.5, "f4"), y=[0, 1]))[0]
    assert np.asarray(Image.open(io.BytesIO(row["x"]))).max() == 128
    with pytest.raises(DataError, match="between 0 and 1"):
        read(save(x=np.full((2, 4, 4), 255.0), y=[0, 1]))
    with pytest.raises(DataError, match="between 0 and 1"):
        read(save(x=np.full((2, 4, 4), np.nan), y=[0, 1]))


def test_big_endian_and_column_major_arrays(save, read, small_partitions):
    x = np.arange(60.0).reshape(20, 3)
    path = save(x=np.asfortranarray(x), z=np.arange(20, dtype=">i4"), y=np.zeros(20))
    small_partitions()
    rows = read(path)
    assert [row["x_1"] for row in rows] == x[:, 1].tolist()
    assert [row["z"] for row in rows] == list(range(20))


def test_pickled_objects_are_never_loaded(save, read, tmp_path):
    class Payload:
        def __reduce__(self):
            return (open, (str(tmp_path / "it ran"), "w"))

    path = save(x=np.array([Payload(), Payload()], object), y=[0, 1])
    with pytest.raises(DataError, match="pickled Python objects") as caught:
        read(path)
    assert caught.value.field == "x"
    assert not (tmp_path / "it ran").exists()


def test_the_labels_array_can_be_named_and_picks_the_others(save, read):
    path = save(x_train=np.zeros((4, 2)), y_train=np.arange(4), x_test=np.zeros((2, 2)), y_test=np.arange(2))
    assert list(read(path, label="y_train")[0]) == ["x_train_0", "x_train_1", "y_train"]
    with pytest.raises(DataError, match="there is no array y") as caught:
        read(path)
    assert "x_train (4, 2) float64" in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((2, 3)), "y": np.zeros((2, 4))}, "one label a row"),
        ({"x": np.zeros((2, 3, 4, 5, 6)), "y": [0, 1]}, r"found \(2, 3, 4, 5, 6\)"),
        ({"x": np.zeros((2, 8, 8, 7), "u1"), "y": [0, 1]}, r"found \(2, 8, 8, 7\)"),
        ({"x": np.zeros(2, complex), "y": [0, 1]}, "numbers or strings"),
        ({"x": np.zeros((2, 4, 4), "i4"), "y": [0, 1]}, "images of uint8"),
        ({"y": 3}, "one row an example"),
        ({"x": np.zeros((2, 40_000_000)), "y": [0, 1]}, "data.limits.row_mb"),
    ],
)
def test_arrays_that_are_no_rows_are_named(save, read, arrays, message):
    with pytest.raises(DataError, match=message):
        read(save(**arrays))


def test_no_rows(save, read):
    assert read(save(x=np.zeros((0, 3)), y=np.zeros(0))) == []
