"""What stands at the top of the report, prepared: problems, the strip of stages, the chosen model's tiles."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from trimtab.artifacts.evaluation import Drop
from trimtab.artifacts.proof import Limit, LimitTest, Proof
from trimtab.artifacts.selection import CandidateResult
from trimtab.report.records.evidence import Evidence
from trimtab.report.records.record import RETRAINING, STAGES
from trimtab.report.result import Result, StageError
from trimtab.report.words import numbers

_MOST_LIMITS = 4


@dataclass(frozen=True)
class Problem:
    """Why a stage failed, what to do about it, and the traceback of a defect."""

    stage: str
    type: str
    headline: str
    advice: str
    details: str


def problem(error: StageError, tracebacks: Mapping[str, str]) -> Problem:
    """Returns an error taken apart: its first line, the hint below it, and what only a developer reads."""
    headline, _, rest = error.message.partition("\n")
    details = tracebacks.get(error.stage, "")
    return Problem(error.stage, error.type, headline, " ".join(rest.split()), details)


State = Literal["ok", "failed", "skipped", "reused", "absent"]


@dataclass(frozen=True)
class Step:
    """A stage in the strip: how it ended, and how long all of its tasks took together."""

    name: str
    state: State
    tasks: int
    seconds: float
    share: float


def pipeline(result: Result, evidence: Evidence) -> list[Step]:
    """Returns the stages in their order; one without a record never ran."""
    steps, longest = [], 0.0
    left_out = RETRAINING if result.retrain is None else ()
    if result.as_it_came and not any(t.stage == "tune" for t in evidence.timings):
        left_out = (*left_out, "tune")
    for name in (stage for stage in STAGES if stage not in left_out):
        timings = [t for t in evidence.timings if t.is_task and t.stage == name]
        seconds = sum(t.seconds for t in timings)
        longest = max(longest, seconds)
        failed = any(error.stage.partition(" ")[0] == name for error in result.errors)
        state: State = "failed" if failed else "ok" if timings else "absent"
        if state == "ok" and all(t.skipped for t in timings):
            state = "skipped"
        elif state == "ok" and all(t.reused for t in timings):
            state = "reused"
        steps.append(Step(name, state, len(timings), seconds, seconds))
    return [Step(s.name, s.state, s.tasks, s.seconds, s.seconds / (longest or 1)) for s in steps]


@dataclass(frozen=True)
class Tile:
    """One number of the chosen model, beside the baseline's and the budget.

    Attributes:
        used: The share of the budget that it takes, or None when there is no limit.
    """

    title: str
    value: str
    detail: str
    budget: str
    used: float | None


def tiles(result: Result, chosen: CandidateResult | None) -> list[Tile]:
    """Returns what the chosen model reaches; nothing when none was chosen."""
    if chosen is None or result.baseline is None:
        return []
    return [*_quality_tiles(result, result.baseline, chosen), *_cost_tiles(result, result.baseline, chosen)]


def _quality_tiles(result: Result, baseline: CandidateResult, chosen: CandidateResult) -> Iterator[Tile]:
    value, before, proof = chosen.quality, baseline.quality, result.proof
    name = value.name if value else "quality"
    title = name[:1].upper() + name[1:]
    yield Tile(title, numbers.quality(value), f"baseline {numbers.quality(before)}", "", None)
    if chosen.drop is None or proof is None or chosen.id == baseline.id:
        return
    tests = {test.limit: test for test in chosen.limits}
    for limit in proof.limits[:_MOST_LIMITS]:
        yield _limit_tile(proof, limit, tests.get(limit.name), chosen.drop)


def _limit_tile(proof: Proof, limit: Limit, test: LimitTest | None, drop: Drop) -> Tile:
    """Returns what is proven of a limit; an older run has a test of the task's own metric only."""
    seen, upper = (drop.observed, drop.upper_bound) if test is None else (test.loss, test.upper_bound)
    bound = math.inf if upper is None else upper
    observed = "unknown" if seen is None else limit.loss(seen)
    return Tile(
        f"{'Proven' if proof.proven else 'Estimated'}: {limit.name}",
        limit.allowed,
        f"loss observed {observed}; {numbers.percent(proof.confidence, 0)} confidence, "
        f"{proof.examples:,} test examples{f', {test.method}' if test else ''}",
        f"were it the only candidate, at most {limit.loss(bound)}",
        max(0.0, bound / limit.max_loss) if limit.max_loss else None,
    )


def _cost_tiles(result: Result, baseline: CandidateResult, chosen: CandidateResult) -> Iterator[Tile]:
    budget = result.budget
    if chosen.latency_ms:
        before = baseline.latency_ms.p50 if baseline.latency_ms else None
        ratio = numbers.factor(before, chosen.latency_ms.p50, "faster", "slower") or "the same"
        yield _cost_tile(
            "Latency, median",
            f"{numbers.milliseconds(chosen.latency_ms.p50)} ms",
            f"baseline {numbers.milliseconds(before)} ms: {ratio}",
            budget.latency_limit_ms(before) if budget else None,
            chosen.latency_ms.p50,
            "ms",
        )
    if chosen.size_bytes:
        ratio = numbers.factor(baseline.size_bytes, chosen.size_bytes, "smaller", "larger") or "the same"
        yield _cost_tile(
            "Size of the file",
            numbers.size(chosen.size_bytes),
            f"baseline {numbers.size(baseline.size_bytes)}: {ratio}",
            budget.max_size_kb if budget else None,
            chosen.size_bytes / 1000,
            "KB",
        )


def _cost_tile(title: str, value: str, detail: str, limit: float | None, cost: float, unit: str) -> Tile:
    words = f"budget {numbers.limit(limit)} {unit}" if limit else "no limit set"
    return Tile(title, value, detail, words, cost / limit if limit else None)
