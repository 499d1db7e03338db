"""Scalars and the HParams table of the candidates: a point and a row for each, in a run of its name."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trimtab.artifacts.selection import CandidateResult
from trimtab.events import file
from trimtab.events.session import Value, session
from trimtab.report.result import Result
from trimtab.report.words.verdict import over_what, status

PREFIX = "candidates/"


def write_candidates(directory: Path, result: Result) -> None:
    """Writes every candidate, one after the other along the axis of the steps.

    Args:
        directory: The directory of the review; each candidate gets one of its id in it.
        result: The outcome of the run.
    """
    now = time.time()
    for place, candidate in enumerate(result.candidates):
        row = session(
            "candidates",
            dict(_parameters(result, candidate)),
            {f"{PREFIX}{name}": value for name, value in _metrics(candidate) if math.isfinite(value)},
            began=now,
            ended=now,
            ok=candidate.ok,
            step=place,
        )
        file.write(directory / candidate.id, row)


def _parameters(result: Result, candidate: CandidateResult) -> Iterator[tuple[str, Value]]:
    """Yields the columns: first those that TensorBoard shows unasked, then the parameters of each step."""
    steps = [step for step in candidate.recipe if "runtime" not in step]
    names = [name for step in steps for name in step]
    yield "candidate", candidate.id
    yield "ending", names[-1] if names else ""
    yield "outcome", outcome(result, candidate)
    yield "passes", ", ".join(names[:-1])
    yield "runtime", candidate.runtime
    for step in steps:
        for name, parameters in step.items():
            for parameter, value in parameters.items():
                if value is not None:
                    yield f"{name}.{parameter}", _plain(value)


def outcome(result: Result, candidate: CandidateResult) -> str:
    """Returns what came of a candidate, in a word or a few."""
    told = status(result, candidate)
    if told in ("over", "untested"):
        return ", ".join(over_what(result, candidate)) or "not judged"
    return "within the budget" if told == "within" else told


def _plain(value: Any) -> Value:
    return value if isinstance(value, bool | int | float | str) else str(value)


def _metrics(candidate: CandidateResult) -> Iterator[tuple[str, float]]:
    if (quality := candidate.quality) is not None:
        yield quality.metric, quality.value
    if candidate.drop is not None:
        yield "drop", candidate.drop.observed
        yield "drop_bound", candidate.drop.upper_bound
    if candidate.latency_ms is not None:
        yield "latency_p50_ms", candidate.latency_ms.p50
    if candidate.size_bytes is not None:
        yield "size_bytes", float(candidate.size_bytes)
    if candidate.graph is not None:
        yield "operators", float(candidate.graph.operators)
        yield "operators_executed", float(candidate.graph.executed)
