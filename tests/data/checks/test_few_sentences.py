from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from trimtab.config.data import Data
from trimtab.data.checks.few_sentences import few_sentences
from trimtab.data.kinds.infer import infer_schema
from trimtab.data.statistics.summary import Summary

LONG = "the cellar smells of apples, of old paper and of mice, and of rain"
SENTENCES = ["the roof is new", "it rained all night", LONG]
ROWS = 60


def warned(values: list[str], **settings: Any) -> list[str]:
    config = Data(train="rows.csv", **settings)
    columns = {"note": values, "height": [at / 7 for at in range(ROWS)], "label": ["a", "b"] * (ROWS // 2)}
    summary = Summary.of(pa.RecordBatch.from_pydict(columns), config)
    return few_sentences(summary, infer_schema(summary, config).columns, config)


FEW = SENTENCES * (ROWS // 3)
MANY = [f"{sentence} {at}" for at, sentence in enumerate(FEW)]
NAMED = {"inputs": {"text": {"columns": ["note"]}, "size": {"columns": ["height"]}}}


@pytest.mark.parametrize(
    "settings",
    [NAMED, {"inputs": {**NAMED["inputs"], "text": {"column": "note"}}}, {"drop": ["height"]}],
    ids=["columns", "column", "a table of one column"],
)
def test_few_sentences_by_themselves_are_said_to_be_categories(settings: dict[str, Any]) -> None:
    (warning,) = warned(FEW, **settings)
    assert warning.startswith(
        "note: 3 different sentences in 60 training rows, such as 'it rained all night',"
    )
    assert "data.columns: {note: text} takes them as text, {note: categorical} agrees" in warning


def test_a_long_example_is_cut() -> None:
    (warning,) = warned([LONG] * (ROWS - 1) + SENTENCES[:1], **NAMED)
    assert "such as 'the cellar smells of apples, of old paper and of mice, and …', are" in warning


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        (FEW, {}),
        (FEW, {**NAMED, "columns": {"note": "categorical"}}),
        (FEW, {**NAMED, "columns": {"note": "text"}}),
        (MANY, NAMED),
        (["brick", "wood", "solid stone"] * (ROWS // 3), NAMED),
    ],
    ids=["beside others in a table", "agreed", "made text", "many", "words"],
)
def test_of_others_nothing_is_said(values: list[str], settings: dict[str, Any]) -> None:
    assert warned(values, **settings) == []
