"""Numbers in pieces, as trimtab's own models of tables get them beside the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from trimtab.config.data import Data
from trimtab.data.encoders import preprocess
from trimtab.data.encoders.tabular import TabularEncoder, plain_width
from trimtab.data.schema import Column
from trimtab.data.statistics.summary import Summary

CONFIG = Data(train="x.csv")
ROWS = 200
TRAIN = pa.record_batch(
    {
        "rank": [row % 8 for row in range(ROWS)],
        "age": [18 + row % 20 for row in range(ROWS)],
        "income": [None if row == 7 else float(row) ** 3 for row in range(ROWS)],
        "is_new": [row % 2 for row in range(ROWS)],
        "label": ["a", "b"] * (ROWS // 2),
    }
)
NAMES = ["rank", "age", "income", "is_new"]


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    columns = [Column(name=name, kind="numeric") for name in NAMES]
    return preprocess.fit(columns, Summary.of(TRAIN, CONFIG), CONFIG, pieces=True)


def _of(settings: dict[str, Any], **values: object) -> np.ndarray:
    batch = pa.record_batch({name: pa.array([values.get(name)], pa.float64()) for name in NAMES})
    return TabularEncoder(settings).encode(batch).x[0]


def test_few_whole_numbers_get_a_slot_each_and_what_training_never_saw_gets_none(
    settings: dict[str, Any],
) -> None:
    at = plain_width(settings)
    assert at == 5  # a number each, and where an income is missing
    np.testing.assert_array_equal(_of(settings, rank=3)[at : at + 8], np.eye(8)[3])
    assert not _of(settings, rank=9)[at : at + 8].any()


def test_more_of_them_are_cut_at_each_and_others_at_quantiles(settings: dict[str, Any]) -> None:
    at = plain_width(settings) + 8
    age = slice(at, at + 19)
    np.testing.assert_array_equal(_of(settings, age=22)[age], [1] * 4 + [0] * 15)
    np.testing.assert_array_equal(_of(settings, age=21.25)[age], [1] * 3 + [0.25] + [0] * 15)
    income = slice(at + 19, None)
    for value in (-1.0, 0.0, 4e5, 9e9):
        pieces = _of(settings, income=value)[income]
        assert pieces.shape == (16,)
        assert (np.diff(pieces) <= 0).all()  # a piece is passed before the next one begins
        assert 0 < pieces.sum() < 16 or value in (-1.0, 0.0, 9e9)
    assert not _of(settings, income=-1.0)[income].any()
    assert _of(settings, income=9e9)[income].all()


def test_an_outlier_stays_near(settings: dict[str, Any]) -> None:
    assert 3.9 < _of(settings, income=1e30)[2] < 4.001
    assert _of(settings, income=None)[2] == _of(settings, income=100.0**3)[2] == 0


def test_tables_of_few_rows_or_very_many_columns_get_none() -> None:
    columns = [Column(name="income", kind="numeric")]
    few = Summary.of(TRAIN.slice(0, 15), CONFIG)
    assert TabularEncoder(preprocess.fit(columns, few, CONFIG, pieces=True)).spec.shape == (2,)
    wide = pa.record_batch({f"c{place}": TRAIN["income"] for place in range(600)})
    columns = [Column(name=name, kind="numeric") for name in wide.schema.names]
    settings = preprocess.fit(columns, Summary.of(wide, CONFIG), CONFIG, pieces=True)
    assert TabularEncoder(settings).spec.shape == (plain_width(settings),)
