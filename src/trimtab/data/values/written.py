"""One cell that is more than a plain number: `1.234,5`, `$1,169`, `67 %`, `(12)`, `6 months`."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

Decimal = Literal[".", ","]
DECIMALS: tuple[Decimal, Decimal] = (".", ",")
LONGEST = 48
"""Characters of the longest cell that is looked at."""
_LARGEST = 3.4e38  # a model's input is float32
_CURRENCIES = (
    "AED|ARS|AUD|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KES|KRW|MXN|MYR|NGN|NOK|"
    "NZD|PEN|PHP|PKR|PLN|RON|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR"
)
_CELL = re.compile(
    rf"""(?P<open>\()?\s*(?P<sign>[+-])?\s*
    (?P<prefix>[A-Z]{{0,3}}[$€£¥₹₩₽₺₪฿₫₴₦]|{_CURRENCIES}|Rs\.?|kr\.?)?\s*(?P<inner>[+-])?\s*
    (?P<core>\d[\d.,' ]*|[.,]\d+)(?P<power>[eE][+-]?\d+)?\s*
    (?P<unit>[^\W\d_][^\d().,+]{{0,14}}?[23]?\.?|[%‰°$€£¥₹₩₽₺₪฿₫₴₦][^\d().,+]{{0,14}}?)?\s*(?P<close>\))?""",
    re.VERBOSE,
)
_GROUPED = {
    ".": re.compile(r"[1-9]\d{0,2}((,\d{3})+|([ ']\d{3})+)(\.\d*)?|\d*\.?\d*"),
    ",": re.compile(r"[1-9]\d{0,2}((\.\d{3})+|([ ']\d{3})+)(,\d*)?|\d*,?\d*"),
}
_ASCII = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2019": "'"})
"""A minus, the dash that programs of text put in its place, and an apostrophe."""
_ONE_GROUP = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")


@dataclass(frozen=True)
class Amount:
    """A number as it is written.

    Attributes:
        core: Its digits, with the signs between them.
        power: Its exponent, such as ``e-3``, or nothing.
        negative: Whether it is below zero.
        unit: What stands beside it, in one form for singular and plural.
    """

    core: str
    power: str
    negative: bool
    unit: str

    def value(self, decimal: Decimal) -> float | None:
        """Returns the number, or None where it is none with this decimal sign, or is no float32."""
        if not self.fits(decimal):
            return None
        digits = re.sub(r"[ ']" if decimal == "." else r"[ '.]", "", self.core)
        digits = digits.replace(",", "" if decimal == "." else ".")
        value = float(digits + self.power)
        return None if value >= _LARGEST else -value if self.negative else value

    def fits(self, decimal: Decimal) -> bool:
        """Returns whether the signs between the digits are right for a decimal sign."""
        return _GROUPED[decimal].fullmatch(self.core) is not None

    @property
    def is_ambiguous(self) -> bool:
        """Returns whether `1,234` or `1.234` may be a thousand or about one."""
        return _ONE_GROUP.fullmatch(self.core) is not None


def amount(text: str) -> Amount | None:
    """Returns the number that a cell holds, with what decorates it, or None.

    Args:
        text: The cell; blanks, signs and digits of other scripts count as those of ASCII.
    """
    if len(text) > LONGEST:
        return None
    text = unicodedata.normalize("NFKC", text).translate(_ASCII).strip()
    match = _CELL.fullmatch(text)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    signs = [sign for sign in (match["sign"], match["inner"]) if sign]
    units = [unit for unit in (match["prefix"], match["unit"]) if unit]
    if len(signs) + bool(match["open"]) > 1 or len(units) > 1:
        return None
    negative = signs == ["-"] or bool(match["open"])
    return Amount(match["core"].strip(), match["power"] or "", negative, _unit(units[0] if units else ""))


def _unit(text: str) -> str:
    text = re.sub(r"\s+", " ", text.strip().rstrip("."))
    return text[:-1] if len(text) > 3 and text.endswith("s") and text.isalpha() else text
