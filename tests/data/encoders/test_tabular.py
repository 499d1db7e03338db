import numpy as np
import pyarrow as pa
import pytest

from trimtab.config.data import Data
from trimtab.data.encoders import tabular
from trimtab.data.schema import Column
from trimtab.data.statistics.summary import Summary

COLUMNS = [
    Column(name="size", kind="numeric"),
    Column(name="gap", kind="numeric"),
    Column(name="constant", kind="numeric"),
    Column(name="color", kind="categorical"),
    Column(name="shape", kind="categorical"),
]
TRAIN = pa.record_batch(
    {
        "size": ["1", "2", "3", "6", "8"],
        "gap": ["10", "?", "80", "", "30"],
        "constant": [5, 5, 5, 5, 5],
        "color": ["red", "red", "blue", "red", "red"],
        "shape": ["o", None, "x", "o", "o"],
        "label": ["a", "b", "a", "b", "a"],
    }
)


CONFIG = Data(train="x.csv")


def _encoder(train: pa.RecordBatch = TRAIN) -> tabular.TabularEncoder:
    return tabular.TabularEncoder(tabular.fit(COLUMNS, Summary.of(train, CONFIG), CONFIG))


def test_a_row_is_standardized_numbers_and_one_slot_a_category() -> None:
    x = _encoder().encode(TRAIN).x
    assert x.dtype == np.float32
    size = (np.array([1, 2, 3, 6, 8]) - 4) / np.std([1, 2, 3, 6, 8])
    gap = (np.array([10, 30, 80, 30, 30]) - 40) / np.std([10, 80, 30])
    expected = [
        #     size  gap  missing constant red blue other  o  x  missing other
        [size[0], gap[0], 0, 0, 1, 0, 0, 1, 0, 0, 0],
        [size[1], gap[1], 1, 0, 1, 0, 0, 0, 0, 1, 0],
        [size[2], gap[2], 0, 0, 0, 1, 0, 0, 1, 0, 0],
        [size[3], gap[3], 1, 0, 1, 0, 0, 1, 0, 0, 0],
        [size[4], gap[4], 0, 0, 1, 0, 0, 1, 0, 0, 0],
    ]
    np.testing.assert_allclose(x[:, :4], np.array(expected)[:, :4], atol=1e-6)
    np.testing.assert_array_equal(x[:, 4:], np.array(expected)[:, 4:])


def test_what_training_never_saw_has_a_place() -> None:
    batch = pa.record_batch(
        {"size": [None], "gap": ["high"], "constant": [7], "color": [None], "shape": ["square"]}
    )
    (row,) = _encoder().encode(batch).x
    assert row[0] == pytest.approx((3 - 4) / np.std([1, 2, 3, 6, 8]), abs=1e-6)
    assert row[1] == pytest.approx((30 - 40) / np.std([10, 80, 30]), abs=1e-6)
    assert row[2:4].tolist() == [1, 2]
    assert row[4:].tolist() == [0, 0, 1, 0, 0, 0, 1]


def test_the_storage_of_a_value_does_not_matter() -> None:
    typed = pa.record_batch(
        {
            "size": pa.array([1, 2, 3, 6, 8], pa.int8()),
            "gap": pa.array([10.0, np.nan, 80.0, None, 30.0]),
            "constant": ["5", "5", " 5 ", "5", "5"],
            "color": pa.array(["red", "red", "blue", "red", "red"]).dictionary_encode(),
            "shape": ["o ", " ", "x", "o", "o"],
        }
    )
    encoder = _encoder()
    np.testing.assert_array_equal(encoder.encode(typed).x, encoder.encode(TRAIN).x)


def test_many_categories_share_the_last_slot() -> None:
    values = [f"v{i:03d}" for i in range(200) for _ in range(201 - i)]
    train = pa.record_batch({"color": values, "label": ["a", "b"] * (len(values) // 2)})
    encoder = tabular.TabularEncoder(tabular.fit([COLUMNS[3]], Summary.of(train, CONFIG), CONFIG))
    assert encoder.spec.shape == (tabular.MAX_CATEGORIES + 1,)
    x = encoder.encode(pa.record_batch({"color": ["v000", "v063", "v064", "v199"]})).x
    assert x.argmax(axis=1).tolist() == [0, 63, 64, 64]
    assert (x.sum(axis=1) == 1).all()


def test_raw_numbers_stay_as_they_are_each_in_one_place() -> None:
    settings = tabular.fit(COLUMNS[:2], Summary.of(TRAIN, CONFIG), CONFIG, "raw")
    encoder = tabular.TabularEncoder(settings)
    assert settings["range"] == "raw"
    assert encoder.encode(TRAIN).x.tolist() == [[1, 10], [2, 30], [3, 80], [6, 30], [8, 30]]
