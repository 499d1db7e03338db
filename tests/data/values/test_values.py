from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from trimtab.data.values import values


def test_text_is_trimmed_and_blank_is_missing():
    found = values.texts(pa.array([" a ", "", "  ", None, "NA", "007"]))
    assert found.to_pylist() == ["a", None, None, None, "NA", "007"]


def test_a_class_has_one_name_whatever_it_is_stored_as():
    assert values.texts(pa.array([3, None])).to_pylist() == ["3", None]
    assert values.texts(pa.array([3.0, 2.5, float("nan")])).to_pylist() == ["3", "2.5", None]
    assert values.texts(pa.array([True, None])).to_pylist() == ["true", None]
    assert values.texts(pa.array(["3", None]).dictionary_encode()).to_pylist() == ["3", None]


def test_numbers_are_parsed_value_by_value():
    found = values.numbers(
        pa.array([" 1 ", "-2.5e3", ".5", "7.", "+1", "1,5", "0x10", "inf", "NaN", "?", "1e300", "x"])
    )
    assert found.to_pylist() == [1.0, -2500.0, 0.5, 7.0, 1.0, *[None] * 7]


def test_only_the_usual_words_are_missing_numbers():
    column = pa.array(["1", "NA", "?", "", None, "unknown", "-"])
    assert values.missing_numbers(column).to_pylist() == [False, True, True, True, True, False, False]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (datetime.date(1970, 1, 2), pa.date32()),
        (datetime.datetime(1970, 1, 1, 0, 0, 1), pa.timestamp("s")),
        (1, pa.time32("s")),
        (True, pa.bool_()),
        (1, pa.float16()),
        ("1", pa.large_string()),
        ("1", pa.string_view()),
    ],
)
def test_every_plain_type_has_numbers_and_texts(value, kind):
    column = pa.array([value, None], kind)
    assert values.numbers(column).to_pylist() == [1.0, None]
    assert values.texts(column)[1].as_py() is None


@pytest.mark.parametrize("first", ["1", "NA", "x", " 2"])
def test_missing_cells_among_numbers_are_missing_whatever_is_beside_them(first):
    cells = [first, "-1.5", *sorted(values.MISSING_NUMBERS), "2e3"]
    alone = [values.parse(pa.array([cell]))[0].as_py() for cell in cells]
    assert values.parse(pa.array(cells)).to_pylist() == alone
    assert alone[1:] == [-1.5, *[None] * len(values.MISSING_NUMBERS), 2000.0]
