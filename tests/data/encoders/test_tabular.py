import numpy as np
import pyarrow as pa
import pytest

from trimtab.config.data import Data
from trimtab.data.encoders import tabular
from trimtab.data.schema import Column
from trimtab.data.statistics.summary import Summary
from trimtab.data.values.notation import DateNotation, Unread, as_read

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
    encoded = _encoder().encode(batch)
    assert encoded.unread == [Unread("shape", 1, ("square",), "other")]
    (row,) = encoded.x
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
    encoded = encoder.encode(pa.record_batch({"color": ["v000", "v063", "v064", "v199"]}))
    x, unread = encoded.x, encoded.unread
    assert unread == []  # that slot is one that training had rows for
    assert x.argmax(axis=1).tolist() == [0, 63, 64, 64]
    assert (x.sum(axis=1) == 1).all()


def test_raw_numbers_stay_as_they_are_each_in_one_place() -> None:
    settings = tabular.fit(COLUMNS[:2], Summary.of(TRAIN, CONFIG), CONFIG, "raw")
    encoder = tabular.TabularEncoder(settings)
    assert settings["range"] == "raw"
    assert encoder.encode(TRAIN).x.tolist() == [[1, 10], [2, 30], [3, 80], [6, 30], [8, 30]]


def test_points_in_time_are_a_number_and_places_in_year_week_and_day() -> None:
    column = Column(name="opened", kind="datetime", notation=DateNotation(has_time=True))
    # Two Mondays, at midnight and at six in the morning; the second half a year later.
    stamps = ["2024-01-01", "2024-07-01T06:00:00", "2024-01-01", None]
    rows = pa.record_batch({"opened": stamps, "label": ["a", "b", "a", "b"]})
    notations = {"opened": column.notation}
    summary = Summary.of(rows, Data(train="x.csv"), notations)
    encoder = tabular.TabularEncoder(tabular.fit([column], summary, Data(train="x.csv")))
    x = encoder.encode(as_read(rows, notations)).x
    #                       position missing  month    weekday  hour
    assert x.shape == (4, 8)
    np.testing.assert_allclose(x[:, 0], [-np.sqrt(0.5), np.sqrt(2), -np.sqrt(0.5), -np.sqrt(0.5)], atol=1e-5)
    np.testing.assert_array_equal(x[:, 1], [0, 0, 0, 1])
    np.testing.assert_allclose(x[0, 4:], [0, 1, 0, 1], atol=1e-6)
    np.testing.assert_allclose(x[1, 6:], [1, 0], atol=1e-6)
    assert x[1, 3] < -0.99  # the middle of the year
    np.testing.assert_array_equal(x[3, 2:], np.zeros(6))
    np.testing.assert_array_equal(x[0], x[2])


def test_times_of_day_have_no_place_in_the_year() -> None:
    column = Column(name="t", kind="datetime", notation=DateNotation(has_date=False, has_time=True))
    rows = pa.record_batch({"t": ["06:00", "18:00"]})
    summary = Summary.of(rows, Data(train="x.csv"), {"t": column.notation})
    x = (
        tabular.TabularEncoder(tabular.fit([column], summary, Data(train="x.csv")))
        .encode(as_read(rows, {"t": column.notation}))
        .x
    )
    np.testing.assert_allclose(x, [[-1, 1, 0], [1, -1, 0]], atol=1e-6)


def test_a_column_whose_few_numbers_are_in_no_sampled_row_takes_their_mean() -> None:
    rows = 12_000
    rare = {
        f"rare{at}": pa.array([float(at)] * rows, mask=np.arange(rows) != 1000 * at) for at in range(1, 9)
    }
    summary = Summary.of(pa.record_batch({"size": np.arange(float(rows)), **rare}), CONFIG)
    columns = [Column(name=name, kind="numeric") for name in rare]
    unsampled = [at for at in range(8) if not summary.quantiles(f"rare{at + 1}", [0.5])]
    assert unsampled
    fitted = tabular.fit(columns, summary, CONFIG)["columns"]
    assert [column["median"] for column in fitted] == list(range(1, 9))
