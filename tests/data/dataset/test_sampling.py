from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trimtab.data.dataset.dataset import Dataset
from trimtab.data.dataset.sampling import drawn, gathered
from trimtab.data.schema import Column, DatasetSchema, TensorSpec


def test_every_class_has_its_share_and_a_rare_one_a_row() -> None:
    y = np.repeat(np.arange(4), [6000, 3000, 995, 5])
    places = drawn(y, 200, 0)
    assert len(set(places)) == 200
    counts = np.bincount(y[places], minlength=4)
    np.testing.assert_allclose(counts, [120, 60, 20, 1], atol=2)
    assert counts[3] >= 1
    assert not (np.diff(places) > 0).all()  # the order is random, so that halves are alike
    assert abs(np.bincount(y[places[:100]], minlength=4)[0] - 60) < 20


def test_every_range_of_numbers_has_its_share_whatever_their_order() -> None:
    y = np.sort(np.random.default_rng(0).normal(size=5000)).astype(np.float32)
    chosen = np.sort(y[drawn(y, 100, 0)])
    np.testing.assert_allclose(chosen, np.quantile(y, (np.arange(100) + 0.5) / 100), atol=0.5)
    np.testing.assert_allclose(np.median(chosen), np.median(y), atol=0.05)


def test_a_sample_follows_from_its_seed() -> None:
    y = np.random.default_rng(0).integers(0, 3, 1000)
    np.testing.assert_array_equal(drawn(y, 50, 7), drawn(y, 50, 7))
    assert set(drawn(y, 50, 7)) != set(drawn(y, 50, 8))
    assert sorted(drawn(y, 5000, 0)) == list(range(1000))
    assert len(set(drawn(np.zeros((1000, 3), np.float32), 50, 0))) == 50  # several labels a row
    assert len(set(drawn(np.arange(1000), 50, 0))) == 50  # as many classes as rows


def test_rows_are_gathered_in_the_asked_order_over_all_blocks() -> None:
    x, y = np.arange(60).reshape(20, 3), np.arange(20)
    blocks = [(x[:7], y[:7]), (x[7:8], y[7:8]), (x[8:], y[8:])]
    found = gathered(blocks, np.array([19, 0, 7, 3]))
    np.testing.assert_array_equal(found[1], [19, 0, 7, 3])
    np.testing.assert_array_equal(found[0], x[[19, 0, 7, 3]])


def test_a_dataset_is_sampled_over_all_of_it(write_dataset: Callable[..., Path]) -> None:
    x = np.arange(900, dtype=np.float32)[:, None]
    schema = DatasetSchema(
        task="classification",
        label="label",
        classes=["a", "b"],
        columns=[Column(name="n", kind="numeric")],
        input=TensorSpec(kind="tabular", shape=(1,), stored_dtype="float32"),
        preprocessing={},
    )
    y = (np.arange(900) >= 600).astype(np.int64)  # in the order of their classes
    dataset = Dataset.open(write_dataset(schema, dict.fromkeys(("train", "validation", "test"), (x, y))))
    batch, labels = dataset.sample("train", 90, 0)
    assert batch["input"].dtype == np.float32
    np.testing.assert_allclose(np.bincount(labels), [60, 30], atol=1)
    np.testing.assert_array_equal(labels, batch["input"][:, 0] >= 600)
    assert dataset.sample("train", 10_000, 0)[1].sum() == 300
    assert batch["input"].mean() == pytest.approx(450, abs=60)
