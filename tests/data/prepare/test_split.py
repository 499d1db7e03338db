import unicodedata
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from trimtab.config.data import Data
from trimtab.data.prepare import split
from trimtab.data.values.hashing import row_digests


def _batch(rows: int = 20_000, **more: Any) -> pa.RecordBatch:
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(size=rows), "b": rng.choice(["x", "y", "zz"], rows), **more}
    return pa.record_batch(columns)


def _sides(batch: pa.RecordBatch, given: str = "train", **config: Any) -> np.ndarray:
    data = Data(train="rows.csv", **config)
    features = row_digests(batch, [name for name in batch.schema.names if name != data.group_by])
    return split.sides(given, split.split_keys(batch, features, data), data)


def test_shares_are_the_asked_ones() -> None:
    counts = np.bincount(_sides(_batch(), split={"test": 0.3, "validation": 0.2})) / 20_000
    np.testing.assert_allclose(counts, [0.56, 0.14, 0.3], atol=0.01)


def test_sides_stay_when_rows_are_added_or_reordered() -> None:
    batch = _batch()
    sides = _sides(batch)
    order = np.random.default_rng(1).permutation(batch.num_rows)
    np.testing.assert_array_equal(_sides(batch.take(pa.array(order))), sides[order])
    np.testing.assert_array_equal(_sides(batch.slice(0, 5000)), sides[:5000])


def test_sides_do_not_depend_on_column_order_or_storage() -> None:
    batch = _batch(1000, n=np.arange(1000), f=np.arange(1000) / 4)
    as_text = pa.record_batch({name: batch.column(name).cast(pa.string()) for name in ("n", "b", "a")})
    as_text = as_text.append_column("f", batch.column("f"))
    np.testing.assert_array_equal(_sides(batch), _sides(as_text))


def test_sides_are_the_same_for_everyone_for_ever() -> None:
    """These digests are a promise: another value would put every user's test rows elsewhere."""
    batch = pa.record_batch({"a": [1.5, None, 3.0], "b": ["x", "", "y z"]})
    assert [bytes(row).hex()[:16] for row in row_digests(batch, ["a", "b"])] == [
        "fe53d41b7418ab8d",
        "e2d93df6a2e919e8",
        "318a7c1061cab695",
    ]


def test_sides_do_not_depend_on_how_many_zeros_a_number_ends_with() -> None:
    """As when a column of whole numbers gets its first gap, and is written as fractions from then on."""
    values = np.random.default_rng(3).integers(-500, 500, 2000)
    plain = _batch(2000, n=[str(value) for value in values], f=[f"{value / 8}" for value in values])
    padded = _batch(2000, n=[f"{value}.0" for value in values], f=[f"{value / 8:.6f}" for value in values])
    np.testing.assert_array_equal(_sides(plain), _sides(padded))
    np.testing.assert_array_equal(_sides(plain), _sides(_batch(2000, n=values, f=values / 8)))


@pytest.mark.parametrize(
    ("one", "other"), [("10", "1"), ("1.0.0", "1.0"), ("007", "7"), ("a.0", "a"), ("v1.50", "v1.5")]
)
def test_words_are_not_numbers(one: str, other: str) -> None:
    digests = [row_digests(pa.record_batch({"a": [word]}), ["a"]) for word in (one, other)]
    assert (digests[0] != digests[1]).any()


def test_one_share_does_not_move_the_rows_of_the_other() -> None:
    batch = _batch()
    few, many = (_sides(batch, split={"validation": share}) for share in (0.1, 0.4))
    np.testing.assert_array_equal(few == split.TEST, many == split.TEST)
    assert (many[few == split.VALIDATION] == split.VALIDATION).all()
    larger = _sides(batch, split={"test": 0.5, "validation": 0.1})
    assert (larger[few == split.TEST] == split.TEST).all()


def test_duplicates_are_on_the_same_side() -> None:
    batch = _batch(5000)
    twice = pa.Table.from_batches([batch, batch]).combine_chunks().to_batches()[0]
    sides = _sides(twice)
    np.testing.assert_array_equal(sides[:5000], sides[5000:])


def test_given_splits_are_left_alone() -> None:
    batch = _batch(1000)
    assert (_sides(batch, "test", test="t.csv") == split.TEST).all()
    assert (_sides(batch, "validation", validation="v.csv") == split.VALIDATION).all()
    assert set(_sides(batch, test="t.csv")) == {split.TRAIN, split.VALIDATION}
    assert set(_sides(batch, validation="v.csv")) == {split.TRAIN, split.TEST}
    assert set(_sides(batch, validation="v.csv", test="t.csv")) == {split.TRAIN}


def test_groups_are_on_one_side_and_rows_without_a_group_go_alone() -> None:
    patients = np.random.default_rng(2).integers(0, 400, 20_000)
    missing = np.arange(20_000) % 10 == 0
    sides = _sides(_batch(patient=pa.array(patients, mask=missing)), group_by="patient")
    for patient in range(400):
        assert len(set(sides[(patients == patient) & ~missing])) == 1
    assert 0.15 < (sides == split.TEST).mean() < 0.25
    assert 0.15 < (sides[missing] == split.TEST).mean() < 0.25


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": ["x"], "b": ["yz"]}, {"a": ["xy"], "b": ["z"]}),
        ({"a": [None], "b": ["y"]}, {"a": ["y"], "b": [None]}),
        ({"a": ["1"], "b": ["1"]}, {"a": ["11"], "b": [None]}),
    ],
)
def test_different_rows_have_different_digests(one: dict[str, Any], other: dict[str, Any]) -> None:
    digests = [row_digests(pa.record_batch(row), ["a", "b"]) for row in (one, other)]
    assert (digests[0] != digests[1]).any()


def test_sides_do_not_depend_on_how_a_number_or_a_letter_is_written() -> None:
    values = np.random.default_rng(4).integers(-4000, 4000, 2000) / 100
    words = np.where(values > 0, "caf\u00e9", "the\u0301")
    plain = _batch(2000, f=[repr(value) for value in values.tolist()], w=words)
    other = [unicodedata.normalize("NFD", word) for word in words.tolist()]
    for written in ([f"{value:+.4e}" for value in values], [f"{value:.3f}" for value in values], values):
        np.testing.assert_array_equal(_sides(plain), _sides(_batch(2000, f=written, w=other)))
    narrow = values.astype(np.float32)
    widened = _batch(2000, f=[repr(value) for value in narrow.astype(float).tolist()], w=words)
    np.testing.assert_array_equal(_sides(_batch(2000, f=narrow, w=words)), _sides(widened))
    np.testing.assert_array_equal(_sides(plain), _sides(_batch(2000, f=narrow, w=words)))


def test_the_first_spelling_is_the_same_for_ever() -> None:
    """Models that were trained by it are still in service, and their test rows are where it puts them."""
    batch = pa.record_batch({"a": ["1.50", None, "+3", ".5"], "b": ["x", "", "e\u0301", "3.0"]})
    assert [bytes(row).hex()[:16] for row in row_digests(batch, ["a", "b"], 1)] == [
        "fe53d41b7418ab8d",
        "e2d93df6a2e919e8",
        "8a62c42d702f2b95",
        "e1f050e87987713f",
    ]
