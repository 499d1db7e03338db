"""Ids: which have a number of their own, which share one, and how several of a row are laid out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from trimtab.config.data import Data
from trimtab.data.encoders import ids, preprocess
from trimtab.data.kinds.infer import infer_schema
from trimtab.data.schema import Column
from trimtab.data.statistics.summary import Summary
from trimtab.data.values.notation import Unread

SETTINGS = {
    "kind": "ids",
    "column": "tags",
    "separator": "|",
    "vocabulary": ["b", "a"],
    "shared": 3,
    "max_ids": 2,
}


def _encoded(cells: list[Any], **settings: Any) -> list[list[int]]:
    batch = pa.RecordBatch.from_pydict({"tags": pa.array(cells)})
    return np.asarray(ids.IdsEncoder({**SETTINGS, **settings}).encode(batch).x).tolist()


def test_known_ids_come_behind_those_that_share() -> None:
    assert ids.IdsEncoder(SETTINGS).vocabulary_size == 6
    assert _encoded(["b", "a", "a| b", "", None, "|"]) == [[4, 0], [5, 0], [5, 4], [0, 0], [0, 0], [0, 0]]


def test_new_ids_share_numbers_and_keep_theirs() -> None:
    cells = [f"new {place}" for place in range(60)]
    (first, second) = _encoded(cells), _encoded(cells[::-1])[::-1]
    assert first == second
    assert {row[0] for row in first} == {1, 2, 3}


def test_new_ids_are_told_where_training_had_none_that_share() -> None:
    batch = pa.RecordBatch.from_pydict({"tags": ["a|new", "b", None, "a|new", "other"]})
    told = ids.IdsEncoder({**SETTINGS, "has_all": True}).encode(batch).unread
    assert told == [Unread("tags", 3, ("new", "new", "other"), "other")]
    known = batch.slice(1, 2)
    assert ids.IdsEncoder({**SETTINGS, "has_all": True}).encode(known).unread == []
    assert ids.IdsEncoder({**SETTINGS, "has_all": False}).encode(batch).unread == []


def test_of_many_ids_the_last_are_kept() -> None:
    assert _encoded(["a|a|b"]) == [[5, 4]]


@pytest.mark.parametrize("cells", [["7", "12", "7"], [7, 12, 7], [7.0, 12.0, 7.0]])
def test_an_id_is_the_same_whatever_its_type(cells: list[Any]) -> None:
    assert _encoded(cells, vocabulary=["12", "7"], max_ids=1) == [[5], [4], [5]]


@pytest.mark.parametrize("as_text", [True, False])
def test_the_most_frequent_ids_of_training_are_the_vocabulary(as_text: bool) -> None:
    users = [3] * 9 + [11] * 5 + [40] * 4 + list(range(100, 106))
    config = Data.model_validate(
        {"train": "rows", "label": "y", "columns": {"user": "ids"}, "ids": {"vocabulary_size": 3}}
    )
    cells = [str(each) for each in users] if as_text else users
    batch = pa.RecordBatch.from_pydict({"user": cells, "y": [place / 7 for place in range(len(users))]})
    summary = Summary.of(batch, config)
    columns = infer_schema(summary, config).columns
    assert columns == [Column(name="user", kind="ids")]
    settings = preprocess.fit(columns, summary, config)
    assert settings["vocabulary"] == ["3", "11", "40"]
    assert settings["max_ids"] == 1
