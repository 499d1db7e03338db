"""What a test can prove at best, in words."""

from __future__ import annotations

import math

from trimtab.artifacts.proof import Reach
from trimtab.report.words import numbers


def sentence(reach: Reach) -> str:
    """Returns what the test rows can prove at best, and how many it would take where that is too little."""
    of = f" in {reach.name}" if reach.name else ""
    text = f"{_rows(reach)} can prove a drop of {_up(100 * reach.least)} points{of} at best"
    # Of groups nothing is known until answers change: see `bounds.proportions.unchanged`.
    text += "" if reach.grouped else ", if every answer stays"
    if reach.is_enough:
        return text
    needed = "more than a billion" if reach.needed is None else f"{reach.needed:,}"
    if reach.grouped and reach.needed is not None and reach.distinct is not None:
        needed += f" in {math.ceil(reach.distinct * reach.needed / reach.examples):,} groups"
    text = f"{text}; {needed} would be needed for {numbers.limit(100 * reach.max_loss)}"
    if reach.least_in_folds is None:
        return text
    could = f"all {reach.in_folds:,} rows can prove {_up(100 * reach.least_in_folds)} points"
    return f"{text}; with data.test: {{folds: {reach.folds}}}, {could}, at {reach.folds} trainings"


def _rows(reach: Reach) -> str:
    rows = f"{reach.examples:,} test {'row' if reach.examples == 1 else 'rows'}"
    if reach.grouped:
        return f"{rows} in {reach.distinct:,} groups"
    if reach.distinct in (None, reach.examples):
        return rows
    return f"{rows}, {reach.distinct:,} of them different,"


def by_folds(reach: Reach) -> str:
    """Returns the setting by which all rows would be tested, where that would do, to be added to others."""
    is_enough = reach.least_in_folds is not None and reach.least_in_folds <= reach.max_loss
    return f", or out of fold: data.test: {{folds: {reach.folds}}}" if is_enough else ""


def wider(reach: Reach) -> str:
    """Returns the smallest budget that is within reach, as a person would write it."""
    return _up(reach.least)


def _up(value: float) -> str:
    """Returns a number with two significant digits that is no smaller."""
    digits = 1 - math.floor(math.log10(value))
    return numbers.limit(math.ceil(value * 10**digits) / 10**digits)
