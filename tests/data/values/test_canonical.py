from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from trimtab.data.values.canonical import canonical


def _spelled(*values: Any, kind: Any = None) -> list[str | None]:
    return canonical(pa.array(np.array(values, kind) if kind else list(values))).to_pylist()


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ([".5", "0.5", "+.50", "5e-1", "50E-2", "00.5"], "0.5"),
        (["1000", "1e3", "+1000", "1000.", "1000.00", "1E+3"], "1000"),
        (["0", "-0", "+0", "-0.0", "0e5", ".0"], "0"),
        (["-3", "-3.", "-3.0", "-30e-1"], "-3"),
        (["0.1", ".1", "0.10000000149011612", "1e-1"], "0.1"),
        (["100000000000000000000", "1e20", "+1E20"], "100000000000000000000"),
        (["caf\u00e9", "cafe\u0301", " caf\u00e9 "], "caf\u00e9"),
    ],
)
def test_what_is_the_same_is_spelled_in_one_way(written: list[str], spelled: str) -> None:
    assert _spelled(*written) == [spelled] * len(written)


@pytest.mark.parametrize(
    "word", ["007", "00", "1.0.0", "12e", "e5", "1e5e5", "0x10", "1,5", "+", ".", "1 000", "1e400", "00e5"]
)
def test_words_and_codes_stay_as_they_are(word: str) -> None:
    assert _spelled(word) == [word]


def test_no_digit_of_a_long_number_is_lost() -> None:
    near = ["9007199254740993", "9007199254740992", "0.1000000000000001", "1700000000.123", "1700000000.124"]
    assert _spelled(*near) == near


@pytest.mark.parametrize("values", [[0.1, 2.5, 1e-30, 3e5, 1 / 3], [0.0, -0.0, 7.0, 16777217.0]])
def test_float32_float64_and_text_of_both_are_the_same(values: list[float]) -> None:
    narrow = np.array(values, np.float32)
    spelled = _spelled(*narrow, kind=np.float32)
    assert _spelled(*narrow.astype(np.float64), kind=np.float64) == spelled
    assert _spelled(*[str(value) for value in narrow]) == spelled
    assert _spelled(*[repr(float(value)) for value in narrow]) == spelled
    assert _spelled(*values, kind=np.float64) == _spelled(*[repr(value) for value in values])


def test_what_is_missing_or_not_finite_is_null() -> None:
    assert _spelled(None, "", "  ", "x") == [None, None, None, "x"]
    assert _spelled(np.nan, np.inf, -np.inf, 1.0, kind=np.float64) == [None, None, None, "1"]
