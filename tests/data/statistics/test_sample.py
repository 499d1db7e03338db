"""Samples of rows: what they hold of each column."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa

from trimtab.data.statistics.sample import Sample
from trimtab.data.values import values


def test_numbers_of_many_columns_are_read_as_those_of_one():
    columns = {
        "real": pa.array([0.1, -0.0, 1e300]),
        "small": pa.array(np.array([0.1, 2, np.inf], np.float16)),
        "unsigned": pa.array([2**63, 1, 2**64 - 1], pa.uint64()),
        "large": pa.array([2**53 + 1, 1, -(2**63)]),
        "no_number": pa.array([1.0, float("nan"), 3e39]),
        "missing": pa.array([1, None, 2]),
        "coded": pa.array([5, 5, 7]).dictionary_encode(),
        "word": pa.array(["1.50", " a ", None]),
    }
    rows = Sample.of(pa.RecordBatch.from_pydict(columns), np.arange(3, dtype=np.uint64)).rows
    expected = {
        name: values.texts(column) if name == "word" else values.numbers(column)
        for name, column in columns.items()
    }
    assert rows.equals(pa.table(expected))


def test_medians_of_many_columns_are_those_of_each():
    rng = np.random.default_rng(0)
    columns = {
        "real": pa.array(rng.normal(size=99)),
        "gaps": pa.array(rng.integers(0, 5, 99), mask=rng.random(99) < 0.7),
        "none": pa.nulls(99, pa.float64()),
        "written": pa.array(["", "NA", "+1", *map(str, rng.normal(size=96))]),
        "word": pa.array(["a"] * 99),
    }
    batch = pa.RecordBatch.from_pydict(
        {name: column.take(pa.array(np.arange(150) % 99)) for name, column in columns.items()}
    )
    sample = Sample.of(batch, np.arange(150, dtype=np.uint64) % 99)
    expected = {name: sample.quantiles(name, [0.5]) for name in columns}
    assert sample.medians(list(columns)) == {name: found[0] for name, found in expected.items() if found}
    assert sorted(sample.medians(list(columns))) == ["gaps", "real", "written"]
    assert Sample().medians(["real"]) == {}


def test_a_column_is_pickled_without_those_that_were_read_with_it():
    gaps = np.arange(100) % 7 == 0
    wide = pa.RecordBatch.from_pydict(
        {f"x{place}": pa.array(np.arange(100.0), mask=gaps if place % 2 else None) for place in range(50)}
    )
    sample = Sample.of(wide, np.arange(100, dtype=np.uint64))
    assert len(pickle.dumps(sample.rows.column(0))) < 2_000
    assert len(pickle.dumps(sample.rows.column(1))) < 2_000
    assert pickle.loads(pickle.dumps(sample)).to_text() == sample.to_text()


def test_a_batch_without_rows_has_none():
    batch = pa.RecordBatch.from_pydict({"x": pa.array([], pa.float64())})
    assert not Sample.of(batch, np.empty(0, np.uint64)).rows.num_rows
