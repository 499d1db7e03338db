"""How the ranges of 8-bit activations were set, in words."""

from __future__ import annotations

_WORDS = {
    "min_max": "from the smallest to the largest value",
    "percentile": "without a thousandth of the values at each end",
    "least_squares": "with the least squared error",
}


def ranges(rule: str | None) -> str:
    """Returns a rule in words; nothing where there is none."""
    return f"ranges of activations {_WORDS.get(rule, rule)}" if rule else ""
