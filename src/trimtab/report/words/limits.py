"""How candidates stand to the limits of quality, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from trimtab.artifacts.proof import Limit, LimitTest
from trimtab.artifacts.selection import CandidateResult
from trimtab.report.result import Result
from trimtab.report.words import numbers

LIMIT_HEADINGS = ("Limit", "Allowed", "Baseline", "Chosen", "Loss <=", "By")


def limit_lines(result: Result) -> list[list[str]]:
    """Returns how the chosen candidate stands to each limit, under ``LIMIT_HEADINGS``.

    Where the task's own metric alone is limited, the table of candidates says it all, and there are none.
    """
    chosen = next((candidate for candidate in result.candidates if candidate.id == result.chosen), None)
    if result.proof is None or chosen is None or is_plain(result):
        return []
    return [line[1:] for line in _lines(result, chosen)]


def every_line(result: Result) -> list[list[str]]:
    """Returns how each candidate stands to each limit: its id, and as in ``limit_lines``."""
    return [line for candidate in result.candidates for line in _lines(result, candidate)]


def is_plain(result: Result) -> bool:
    """Returns whether the task's own metric alone is limited, over all rows."""
    limits, headline = result.proof.limits if result.proof else [], result.headline
    return all(
        headline is not None and limit.metric == headline.metric and not limit.part and not limit.is_alone
        for limit in limits
    )


def standing(limit: Limit, test: LimitTest) -> str:
    """Returns the upper limit of a loss in words; an estimate is called one."""
    upper = limit.loss(math.inf if test.upper_bound is None else test.upper_bound)
    return upper if test.proven else f"{upper} (an estimate: {test.why_not})"


def _lines(result: Result, candidate: CandidateResult) -> Iterator[list[str]]:
    named = {limit.name: limit for limit in result.proof.limits} if result.proof else {}
    for test in candidate.limits:
        limit = named.get(test.limit)
        if limit is not None:
            values = (_value(limit, value) for value in (test.baseline, test.value))
            yield [candidate.id, limit.name, limit.allowed, *values, standing(limit, test), test.method]


def _value(limit: Limit, value: float | None) -> str:
    return numbers.percent(value) if limit.unit == "points" else numbers.decimal(value, 4)
