from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from trimtab.config.data import Data
from trimtab.data.checks.leaks import leaks
from trimtab.data.kinds.infer import infer_schema
from trimtab.data.readers.registry import reader_for
from trimtab.data.readers.several import with_joined_labels
from trimtab.data.statistics.summary import Summary

N = 2000


@pytest.fixture
def find():
    def find(columns, **settings):
        config = Data(train="x", **settings)
        summary = Summary.of(pa.RecordBatch.from_pydict(columns), config)
        task, label, _, inputs = infer_schema(summary, config)
        return [leak.column for leak in leaks(summary.sample, label, inputs, is_numeric=task == "regression")]

    return find


@pytest.fixture
def find_in():
    def find_in(source, **settings):
        config = Data(train=source, **settings)
        reader, summary = reader_for(source, config), Summary()
        for partition in reader.partitions(source, config):
            for batch in reader.read(partition, config):
                summary = summary.merge(Summary.of(batch, config))
        task, label, _, inputs = infer_schema(summary, config)
        return [leak.column for leak in leaks(summary.sample, label, inputs, is_numeric=task == "regression")]

    return find_in


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris", "diabetes"])
def test_strong_features_among_others_are_innocent(find_in, name):
    assert find_in(f"sklearn://{name}") == []


def test_the_duration_of_the_call_is_a_leak(find_in, real_data):
    assert find_in(str(real_data / "bank_marketing/data.csv"), label="y") == ["duration"]


@pytest.mark.parametrize(
    ("name", "label"), [("breast_cancer_wdbc/data.csv", "diagnosis"), ("connect4/data.csv", "outcome")]
)
def test_real_tables_without_a_leak(find_in, real_data, name, label):
    assert find_in(str(real_data / name), label=label) == []


@pytest.fixture
def noisy():
    """Four features that each know a little, and their label."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 4))
    y = x.sum(axis=1) + 2 * rng.normal(size=N) > 0
    return rng, {f"x{i}": x[:, i] for i in range(4)}, y


def test_features_that_share_the_knowledge_are_innocent(find, noisy):
    _, columns, y = noisy
    assert find({**columns, "label": np.where(y, "yes", "no").tolist()}) == []


def test_copies_of_the_label_are_all_found(find, noisy):
    _, columns, y = noisy
    copies = {"code": y.astype(int), "word": np.where(y, "won", "lost").tolist()}
    label = np.where(y, "yes", "no").tolist()
    assert set(find({**columns, **copies, "label": label})) == {"code", "word"}


def test_a_noisy_copy_stands_apart(find, noisy):
    rng, columns, y = noisy
    copy = y + rng.normal(scale=0.5, size=N)
    assert find({**columns, "after": copy, "label": np.where(y, "yes", "no").tolist()}) == ["after"]


def test_a_bend_is_found_as_well_as_a_slope(find, noisy):
    rng, columns, y = noisy
    bent = np.where(y, 0.2, 1.0) * rng.choice([-1, 1], N) + rng.normal(scale=0.01, size=N)
    assert find({**columns, "bent": bent, "label": np.where(y, "yes", "no").tolist()}) == ["bent"]


def test_missing_values_that_give_the_label_away_are_found(find, noisy):
    rng, columns, y = noisy
    closed = [None if won else float(value) for won, value in zip(y, rng.normal(size=N), strict=True)]
    label = np.where(y, "yes", "no").tolist()
    assert find({**columns, "closed_on": closed, "label": label}) == ["closed_on"]


def test_regression_asks_for_more(find):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 3))
    y = 3 * x[:, 0] + x[:, 1] + rng.normal(size=N)
    columns = {f"x{i}": x[:, i] for i in range(3)}
    assert find({**columns, "label": y}) == []
    assert find({**columns, "price_with_tax": 1.2 * y, "label": y}) == ["price_with_tax"]


def test_few_rows_and_no_tables_say_nothing(find):
    y = ["a", "b"] * 20
    assert find({"x": y, "z": [0.5] * 40, "label": y}) == []
    assert find({"text": [f"some words that say {v} {i}" for i, v in enumerate(y * 4)], "label": y * 4}) == []


def test_noise_is_innocent_however_many_features_there_are(find):
    rng = np.random.default_rng(0)
    columns = {f"x{i}": rng.normal(size=300) for i in range(60)}
    assert find({**columns, "label": rng.choice(["a", "b", "c"], 300).tolist()}) == []


def test_a_feature_that_gives_one_of_several_labels_away_is_found_and_others_are_not():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 4))
    tags = x[:, :3] + rng.normal(0, 2, (N, 3)) > 0
    rows = {f"x{k}": x[:, k] for k in range(4)}
    config = Data(train="x", label=["a", "b", "c"])
    found = []
    for extra in ({}, {"told": 4 * tags[:, 0] + 2 * tags[:, 1] + tags[:, 2] + 0.1}):
        labels = {name: tags[:, k].astype(int) for k, name in enumerate("abc")}
        batch = with_joined_labels(pa.RecordBatch.from_pydict({**rows, **extra, **labels}), config, "x")
        summary = Summary.of(batch, config)
        _, label, _, inputs = infer_schema(summary, config)
        found.append([leak.column for leak in leaks(summary.sample, label, inputs, is_numeric=False)])
    assert found == [[], ["told"]]
