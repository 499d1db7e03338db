"""How candidates stand to the limits of quality, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from trimtab.artifacts.evaluation import OutputEvaluation
from trimtab.artifacts.proof import Limit, LimitTest
from trimtab.artifacts.selection import CandidateResult
from trimtab.report.result import Result
from trimtab.report.words import numbers

LIMIT_HEADINGS = ("Limit", "Allowed", "Baseline", "Chosen", "Loss <=", "By")
OUTPUT_HEADINGS = ("Metric", "Value", "Loss", "Loss <=")


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


def output_lines(result: Result, candidate: CandidateResult) -> list[list[str]]:
    """Returns how a candidate answers for each of several outputs, under ``OUTPUT_HEADINGS``.

    There is a line for each metric that is limited over all rows, and one for the own metric of an output
    without such a limit. What is limited of a class or a slice is in ``every_line``.
    """
    limits = [limit for limit in (result.proof.limits if result.proof else []) if not limit.part]
    lines: list[list[str]] = []
    for output, quality in candidate.outputs.items():
        of_output = [limit for limit in limits if limit.output == output]
        lines += [_output_line(result, candidate, limit) for limit in of_output]
        if not of_output:
            metric = quality.headline.metric
            text = _value(quality.headline.unit, quality.metrics.get(metric))
            lines.append([f"{output}: {numbers.metric(metric)}", text, numbers.ABSENT, numbers.ABSENT])
    return lines


def is_plain(result: Result) -> bool:
    """Returns whether the own metric of the only label alone is limited, over all rows."""
    limits, headline = result.proof.limits if result.proof else [], result.headline
    return all(
        headline is not None
        and limit.metric == headline.metric
        and not (limit.part or limit.output or limit.is_alone)
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
            values = (_value(limit.unit, value) for value in (test.baseline, test.value))
            yield [candidate.id, limit.name, limit.allowed, *values, standing(limit, test), test.method]


def _output_line(result: Result, candidate: CandidateResult, limit: Limit) -> list[str]:
    quality = candidate.outputs[limit.output]
    is_own = limit.metric == quality.headline.metric
    name = f"{limit.output}: {numbers.metric(limit.metric)}" if is_own else limit.name
    test = next((test for test in candidate.limits if test.limit == limit.name), None)
    if test is None:
        value = _untested(result, candidate, quality, limit)
        return [name, _value(limit.unit, value), numbers.ABSENT, numbers.ABSENT]
    loss = numbers.ABSENT if test.loss is None else limit.loss(test.loss)
    upper = limit.loss(math.inf if test.upper_bound is None else test.upper_bound)
    return [name, _value(limit.unit, test.value), loss, upper]


def _untested(
    result: Result, candidate: CandidateResult, quality: OutputEvaluation, limit: Limit
) -> float | None:
    """Returns the metric of a candidate that was not held to its limit, such as the baseline's."""
    known = quality.metrics.get(limit.metric)
    if known is not None or result.baseline is None or candidate.id != result.baseline.id:
        return known
    tests = (test for other in result.candidates for test in other.limits if test.limit == limit.name)
    return next((test.baseline for test in tests), None)


def _value(unit: str, value: float | None) -> str:
    return numbers.percent(value) if unit == "points" else numbers.decimal(value, 4)
