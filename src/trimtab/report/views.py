"""What the templates show, prepared: rows of tables, tiles, the strip of stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trimtab.report import numbers
from trimtab.report.evidence import Evidence
from trimtab.report.record import STAGES
from trimtab.report.result import CandidateResult, Result, StageError
from trimtab.report.verdict import is_regression

DEFECT = (
    "This is a defect of trimtab, not of your config or data. Please report it with the traceback below; "
    "the other stages' results are unaffected."
)


@dataclass(frozen=True)
class Problem:
    """Why a stage failed, what to do about it, and the traceback of a defect."""

    stage: str
    type: str
    headline: str
    advice: str
    details: str


def problem(error: StageError) -> Problem:
    """Returns an error taken apart: its first line, the hint below it, and what only a developer reads."""
    headline, _, rest = error.message.partition("\n")
    if "Traceback (most recent call last)" in rest:
        return Problem(error.stage, error.type, headline, DEFECT, rest)
    return Problem(error.stage, error.type, headline, " ".join(rest.split()), "")


@dataclass(frozen=True)
class Step:
    """A stage in the strip: how it ended, and how long all of its tasks took together."""

    name: str
    state: Literal["ok", "failed", "absent"]
    tasks: int
    seconds: float
    share: float


def pipeline(result: Result, evidence: Evidence) -> list[Step]:
    """Returns the stages in their order; one without a record was skipped or never ran."""
    steps = []
    longest = 0.0
    for name in STAGES:
        timings = [t for t in evidence.timings if t.name.partition(" ")[0] == name]
        seconds = sum(t.seconds for t in timings)
        longest = max(longest, seconds)
        failed = any(error.stage.partition(" ")[0] == name for error in result.errors)
        state: Literal["ok", "failed", "absent"] = "failed" if failed else "ok" if timings else "absent"
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
    regression = is_regression(result)
    name = "mae" if regression else "accuracy"
    value, before = chosen.metrics.get(name), baseline.metrics.get(name)
    budget = result.config.get("budget") or {}
    if regression:
        texts, title = (numbers.decimal(value, 4), numbers.decimal(before, 4)), "Mean absolute error"
    else:
        texts, title = (numbers.percent(value), numbers.percent(before)), "Accuracy"
    yield Tile(title, texts[0], f"baseline {texts[1]}", "", None)
    drop = chosen.drop
    limit = budget.get("max_error_increase" if regression else "max_accuracy_drop")
    if drop is None or not limit:
        return
    unit = "%" if regression else "points"
    yield Tile(
        "Proven increase of the error" if regression else "Proven drop",
        f"at most {numbers.points(drop.upper_bound)} {unit}",
        f"observed {numbers.points(drop.observed)}; {numbers.percent(drop.confidence, 0)} confidence, "
        f"{drop.examples:,} test examples",
        f"budget {numbers.limit(limit * 100)} {unit}",
        max(0.0, drop.upper_bound / limit),
    )


def _cost_tiles(result: Result, baseline: CandidateResult, chosen: CandidateResult) -> Iterator[Tile]:
    budget = result.config.get("budget") or {}
    if chosen.latency_ms:
        before = baseline.latency_ms.p50 if baseline.latency_ms else None
        ratio = numbers.factor(before, chosen.latency_ms.p50, "faster", "slower") or "the same"
        yield _cost_tile(
            "Latency, median",
            f"{numbers.milliseconds(chosen.latency_ms.p50)} ms",
            f"baseline {numbers.milliseconds(before)} ms: {ratio}",
            budget.get("max_latency_ms"),
            chosen.latency_ms.p50,
            "ms",
        )
    if chosen.size_bytes:
        ratio = numbers.factor(baseline.size_bytes, chosen.size_bytes, "smaller", "larger") or "the same"
        yield _cost_tile(
            "Size of the file",
            numbers.size(chosen.size_bytes),
            f"baseline {numbers.size(baseline.size_bytes)}: {ratio}",
            budget.get("max_size_kb"),
            chosen.size_bytes / 1000,
            "KB",
        )


def _cost_tile(title: str, value: str, detail: str, limit: float | None, cost: float, unit: str) -> Tile:
    words = f"budget {numbers.limit(limit)} {unit}" if limit else "no limit set"
    return Tile(title, value, detail, words, cost / limit if limit else None)


@dataclass(frozen=True)
class Cell:
    """A cell of a sortable table: what is shown, and what it is sorted by (None sorts last)."""

    text: str
    value: float | str | None


@dataclass(frozen=True)
class CandidateRow:
    """A row of the table of candidates."""

    candidate: CandidateResult
    recipe: str
    status: Literal["chosen", "within budget", "over budget", "failed"]
    cells: list[Cell]


def candidate_row(result: Result, candidate: CandidateResult) -> CandidateRow:
    """Returns a candidate as the table shows it."""
    return CandidateRow(
        candidate, recipe_text(candidate.recipe), status(result, candidate), _cells(candidate)
    )


def status(
    result: Result, candidate: CandidateResult
) -> Literal["chosen", "within budget", "over budget", "failed"]:
    """Returns the verdict on a candidate in a word or two."""
    if not candidate.ok:
        return "failed"
    if candidate.id == result.chosen:
        return "chosen"
    return "within budget" if candidate.within_budget else "over budget"


def recipe_text(recipe: Mapping[str, Any]) -> str:
    """Returns a recipe in words, such as ``channels (ratio 0.5, epochs 5), int8``."""
    parts = []
    for step in recipe.values():
        if not isinstance(step, Mapping):
            parts.append(str(step))
        elif step.get("method") != "none":
            rest = ", ".join(f"{key} {value}" for key, value in step.items() if key != "method")
            parts.append(f"{step.get('method')} ({rest})" if rest else f"{step.get('method')}")
    return ", then ".join(part for part in parts if part != "none") or "as trained, 32-bit floats"


def _cells(candidate: CandidateResult) -> list[Cell]:
    accuracy, drop, latency = candidate.metrics.get("accuracy"), candidate.drop, candidate.latency_ms
    quality = (
        [Cell(numbers.decimal(candidate.metrics[k], 4), candidate.metrics[k]) for k in ("mae", "rmse")]
        if "mae" in candidate.metrics and "rmse" in candidate.metrics
        else [Cell(numbers.percent(accuracy), accuracy)]
    )
    return [
        *quality,
        Cell(numbers.points(drop.observed if drop else None), drop.observed if drop else None),
        Cell(numbers.points(drop.upper_bound if drop else None), drop.upper_bound if drop else None),
        *(
            Cell(numbers.milliseconds(value), value)
            for value in ((latency.p50, latency.p95, latency.p99) if latency else (None, None, None))
        ),
        Cell(numbers.kilobytes(candidate.size_bytes), candidate.size_bytes),
        Cell(numbers.kilobytes(candidate.gzip_bytes), candidate.gzip_bytes),
        Cell(numbers.count(candidate.parameters), candidate.parameters),
        Cell(numbers.count(candidate.macs), candidate.macs),
        Cell(numbers.percent(candidate.sparsity, 0), candidate.sparsity),
    ]


def compared(baseline: CandidateResult | None, chosen: CandidateResult | None) -> list[CandidateResult]:
    """Returns the baseline and the chosen candidate, each once, as far as there are any."""
    pair = [one for one in (baseline, chosen) if one is not None]
    return pair[:1] if len(pair) == 2 and pair[0].id == pair[1].id else pair


def metric_rows(pair: Sequence[CandidateResult]) -> list[tuple[str, list[str]]]:
    """Returns every metric by name, with the baseline's and the chosen candidate's value."""
    names = dict.fromkeys(name for candidate in pair for name in candidate.metrics)
    shares = ("accuracy", "balanced_accuracy", "macro_f1", "calibration_error")
    return [
        (
            name.replace("_", " "),
            [
                numbers.percent(c.metrics.get(name))
                if name in shares
                else numbers.decimal(c.metrics.get(name), 4)
                for c in pair
            ],
        )
        for name in names
    ]


@dataclass(frozen=True)
class ClassRow:
    """A class: its test examples, and precision, recall and F1 of each model."""

    name: str
    examples: int
    cells: list[Cell]
    change: float | None


def class_rows(pair: Sequence[CandidateResult]) -> list[ClassRow]:
    """Returns the quality per class, with the change of recall from the baseline to the chosen candidate."""
    names = dict.fromkeys(name for candidate in pair for name in candidate.per_class)
    rows = []
    for name in names:
        found = [candidate.per_class.get(name) for candidate in pair]
        values = [getattr(m, key) if m else None for m in found for key in ("precision", "recall", "f1")]
        recalls = [m.recall for m in found if m]
        rows.append(
            ClassRow(
                name=name,
                examples=max(m.examples for m in found if m),
                cells=[Cell(numbers.percent(value, 1), value) for value in values],
                change=recalls[1] - recalls[0] if len(recalls) == 2 else None,
            )
        )
    return rows


def class_counts(found: Any) -> list[tuple[str, int, float]]:
    """Returns ``(class, rows, share of the largest)``; counts per split are summed."""
    if not isinstance(found, Mapping):
        return []
    totals: dict[str, int] = {}
    for key, value in found.items():
        if isinstance(value, Mapping):
            for name, number in value.items():
                totals[str(name)] = totals.get(str(name), 0) + int(number)
        else:
            totals[str(key)] = int(value)
    largest = max(totals.values(), default=0) or 1
    return [(name, number, number / largest) for name, number in totals.items()]


@dataclass(frozen=True)
class PlainTable:
    """A table whose columns are whatever its rows have."""

    header: list[str]
    rows: list[list[Cell]]


def named_rows(found: Any) -> list[dict[str, Any]]:
    """Returns rows out of a list of dicts, or out of a dict of dicts by name."""
    if isinstance(found, Mapping):
        return [
            {"name": name, **(value if isinstance(value, Mapping) else {"value": value})}
            for name, value in found.items()
        ]
    return [dict(row) for row in found or [] if isinstance(row, Mapping)]


def table(rows: Sequence[Mapping[str, Any]]) -> PlainTable:
    """Returns rows of any shape as a table: nested dicts become columns of their own."""
    flat = [dict(_flatten(row)) for row in rows]
    header = list(dict.fromkeys(key for row in flat for key in row))
    return PlainTable(header, [[_cell(row.get(key)) for key in header] for row in flat])


def _flatten(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping) and len(value) <= 12:
            yield from ((str(name), item) for name, item in value.items())
        else:
            yield str(key), value


def _cell(value: Any) -> Cell:
    if value is None or value == [] or value == {}:
        return Cell(numbers.ABSENT, None)
    if isinstance(value, bool):
        return Cell("yes" if value else "no", str(value))
    if isinstance(value, int):
        return Cell(f"{value:,}", value)
    if isinstance(value, float):
        return Cell(numbers.decimal(value, 4), value)
    if isinstance(value, Mapping):
        value = [f"{key} ({number})" for key, number in value.items()]
    if isinstance(value, list | tuple):
        more = ", …" if len(value) > 5 else ""
        return Cell(", ".join(str(item) for item in value[:5]) + more, None)
    return Cell(str(value), str(value))
