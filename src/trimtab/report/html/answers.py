"""The first screen: what one gets, how sure that is, and at what cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from trimtab.artifacts.evaluation import Drop, HeadlineValue, PartLoss
from trimtab.artifacts.proof import Limit, LimitTest, Proof
from trimtab.artifacts.selection import CandidateResult
from trimtab.config.chains import BASELINE
from trimtab.report.records.evidence import Evidence
from trimtab.report.result import Result
from trimtab.report.words import numbers, parts

_MOST_LIMITS, _FEW_LIMITS = 3, 2


@dataclass(frozen=True)
class Tile:
    """One number, beside the baseline's and the budget.

    Attributes:
        used: The share of the budget that it takes, or None when there is no limit.
        before: The length of a bar for the baseline, 0 to 1; None: there is no bar.
        after: The same of the chosen one.
    """

    title: str
    value: str
    detail: str
    budget: str = ""
    used: float | None = None
    before: float | None = None
    after: float | None = None


@dataclass(frozen=True)
class Answer:
    """A question that a reader comes with, and what answers it."""

    question: str
    tiles: list[Tile] = field(default_factory=list)


def answers(result: Result, chosen: CandidateResult | None, evidence: Evidence) -> list[Answer]:
    """Returns the three questions with their answers.

    Where nothing was chosen, they say what there is, and what came closest; a run that failed or found
    nothing to do has none.
    """
    if chosen is None or result.baseline is None:
        return _of_nothing(result, evidence) if result.status == "over_budget" else []
    would = "would" if result.status in ("champion_kept", "up_to_date") else "do"
    baseline = result.baseline
    all_answers = [
        Answer(f"What {would} I get?", list(_gain(result, baseline, chosen))),
        Answer("How sure is that?", list(_sureness(result, chosen))),
        Answer("At what cost?", [*_loss(result, baseline, chosen), *_effort(evidence)]),
    ]
    return [answer for answer in all_answers if answer.tiles]


def _of_nothing(result: Result, evidence: Evidence) -> list[Answer]:
    count = sum(candidate.ok for candidate in result.candidates)
    get = Tile("Deployed", "nothing", f"of {count:,} that were made, none meets every limit of the budget")
    told = result.why.removeprefix("No candidate is within the budget. ").removeprefix("Closest: ")
    closest = Tile("What came closest", "", told)
    return [
        Answer("What do I get?", [get]),
        Answer("What would it take?", [closest]),
        Answer("At what cost?", list(_effort(evidence))),
    ]


def _gain(result: Result, baseline: CandidateResult, chosen: CandidateResult) -> Iterator[Tile]:
    budget, is_itself = result.budget, chosen.id == baseline.id
    if chosen.counted_bytes:
        yield _cost_tile(
            "Size of the file, after gzip" if chosen.size_counts == "gzip" else "Size of the file",
            None if is_itself else (baseline.counted_bytes or 0) / 1000 or None,
            chosen.counted_bytes / 1000,
            budget.max_size_kb if budget else None,
            "kB",
            ("smaller", "larger"),
        )
    if chosen.latency_ms:
        before = baseline.latency_ms.p50 if baseline.latency_ms else None
        yield _cost_tile(
            "Time for one example, median",
            None if is_itself else before,
            chosen.latency_ms.p50,
            budget.latency_limit_ms(before) if budget else None,
            "ms",
            ("faster", "slower"),
        )


def _cost_tile(
    title: str, before: float | None, after: float, limit: float | None, unit: str, words: tuple[str, str]
) -> Tile:
    ratio = numbers.factor(before, after, *words) or "the same"
    longest = max(before or 0.0, after)
    told = [f"before {numbers.decimal(before)} {unit}: {ratio}"] if before is not None else []
    return Tile(
        title,
        f"{numbers.decimal(after)} {unit}",
        "".join(told),
        f"budget {numbers.limit(limit)} {unit}" if limit else "no limit set",
        after / limit if limit else None,
        before=None if before is None else before / longest,
        after=None if before is None else after / longest,
    )


def _sureness(result: Result, chosen: CandidateResult) -> Iterator[Tile]:
    proof = result.proof
    if chosen.drop is None or proof is None:
        return
    if chosen.id == BASELINE:
        detail = "it is what all others are measured against, and loses nothing against itself"
        yield Tile("Proof", "none needed", detail)
        return
    tests = {test.limit: test for test in chosen.limits}
    tiles = [_limit_tile(proof, limit, tests.get(limit.name), chosen.drop) for limit in proof.limits]
    if len(tiles) <= _MOST_LIMITS:
        yield from tiles
        return
    tightest = sorted(tiles[1:], key=lambda tile: -(tile.used or 0.0))[: _FEW_LIMITS - 1]
    yield from [tiles[0], *tightest]
    told = "none of them tighter than these: see the limits of quality below the candidates"
    yield Tile("Further limits", f"{len(tiles) - _FEW_LIMITS:,}", told)


def _limit_tile(proof: Proof, limit: Limit, test: LimitTest | None, drop: Drop) -> Tile:
    """Returns what is proven of a limit; an older run has a test of the task's own metric only."""
    seen, upper = (drop.observed, drop.upper_bound) if test is None else (test.loss, test.upper_bound)
    bound = math.inf if upper is None else upper
    observed = "unknown" if seen is None else limit.loss(seen)
    return Tile(
        f"{'Proven' if proof.proven else 'Estimated'}: {limit.name}",
        f"{numbers.percent(proof.confidence, 0)} sure: {limit.allowed}" if proof.proven else limit.allowed,
        f"loss observed {observed}, on {proof.examples:,} test examples{f'; {test.method}' if test else ''}",
        f"were it the only candidate, at most {limit.loss(bound)}",
        max(0.0, bound / limit.max_loss) if limit.max_loss else None,
    )


def _loss(result: Result, baseline: CandidateResult, chosen: CandidateResult) -> Iterator[Tile]:
    value = chosen.quality
    name = value.name if value else "quality"
    seen = f": {parts.loss(chosen.drop.observed, value)}" if chosen.drop else ""
    before = "" if chosen.id == baseline.id else f"before {numbers.quality(baseline.quality)}{seen}"
    yield Tile(name[:1].upper() + name[1:], numbers.quality(value), before)
    if result.parts:
        yield _hardest(result.parts, value)


def _hardest(losses: Sequence[PartLoss], headline: HeadlineValue | None) -> Tile:
    worst, proven = losses[0], parts.sentence(losses, headline)
    if worst.loss <= 0:
        return Tile("Hit hardest", "nothing", proven)
    told = f"{parts.called(worst)}: {parts.loss(worst.loss, headline)}"
    return Tile("Hit hardest", told, f"of {worst.examples:,} test examples. {proven}")


def _effort(evidence: Evidence) -> Iterator[Tile]:
    seconds = sum(timing.seconds for timing in evidence.timings if timing.is_task)
    if seconds:
        detail = "all tasks together, one after the other"
        yield Tile("Time that the run took", numbers.duration(seconds), detail)
