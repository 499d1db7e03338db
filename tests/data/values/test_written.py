from __future__ import annotations

import pytest

from trimtab.data.values.written import amount


@pytest.mark.parametrize(
    ("text", "point", "comma", "unit"),
    [
        ("1,234.5", 1234.5, None, ""),
        ("1.234,5", None, 1234.5, ""),
        ("1 234,5", None, 1234.5, ""),
        ("1\u202f234\u00a0567,5", None, 1234567.5, ""),
        ("1'234.50", 1234.5, None, ""),
        ("1.234.567", None, 1234567.0, ""),
        ("$1,169", 1169.0, 1.169, "$"),
        ("€ 5", 5.0, 5.0, "€"),
        ("5,5 €", None, 5.5, "€"),
        ("USD 5", 5.0, 5.0, "USD"),
        ("67 %", 67.0, 67.0, "%"),
        ("(12)", -12.0, -12.0, ""),
        ("\u201312.5", -12.5, None, ""),
        ("($1,200.50)", -1200.5, None, "$"),
        ("-$5", -5.0, -5.0, "$"),
        ("\u22125", -5.0, -5.0, ""),
        ("+7", 7.0, 7.0, ""),
        ("6 months", 6.0, 6.0, "month"),
        ("1 month", 1.0, 1.0, "month"),
        ("3.5kg", 3.5, None, "kg"),
        ("12 m²", 12.0, 12.0, "m2"),
        ("2e3 kg", 2000.0, 2000.0, "kg"),
        ("0,123", None, 0.123, ""),
        ("\uff11\uff12", 12.0, 12.0, ""),
    ],
)
def test_numbers_as_people_write_them(text, point, comma, unit):
    written = amount(text)
    assert (written.value("."), written.value(","), written.unit) == (point, comma, unit)


@pytest.mark.parametrize(
    "text",
    ["inf", "nan", "A43", "Room 5", "12-", "(12", "12)", "10:35", "2024-01-05", "5 Jan 2024", "", "x" * 60],
)
def test_what_is_no_number(text):
    assert amount(text) is None


@pytest.mark.parametrize("text", ["1.2.3", "1,23,456", "1,2,3", "12 34", "1e400", "01,234.5"])
def test_what_no_decimal_sign_explains(text):
    written = amount(text)
    assert (written.value("."), written.value(",")) == (None, None)


@pytest.mark.parametrize(
    ("text", "either"), [("1,234", True), ("1.234", True), ("0,123", False), ("1,2345", False)]
)
def test_a_thousand_or_about_one(text, either):
    assert amount(text).is_ambiguous is either
