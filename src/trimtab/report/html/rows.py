"""The rows of the report's tables, each cell with what is shown and what it is sorted by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.artifacts.evaluation import HeadlineValue, OutputEvaluation, PartLoss
from trimtab.artifacts.hyperparameters import Trial
from trimtab.artifacts.selection import CandidateResult
from trimtab.config.chains import UNCHANGED, USUAL_RUNTIME
from trimtab.report.result import Result
from trimtab.report.words import numbers, parts
from trimtab.report.words.ranges import ranges
from trimtab.report.words.verdict import Status, status
from trimtab.tasks.metrics.registry import is_share


@dataclass(frozen=True)
class Cell:
    """A cell of a sortable table: what is shown, what it is sorted by (None sorts last), and a line below."""

    text: str
    value: float | str | None
    detail: str = ""


@dataclass(frozen=True)
class CandidateRow:
    """A row of the table of candidates."""

    candidate: CandidateResult
    recipe: str
    status: Status
    cells: list[Cell]


def candidate_row(result: Result, candidate: CandidateResult) -> CandidateRow:
    """Returns a candidate as the table shows it."""
    return CandidateRow(
        candidate,
        "; ".join(filter(None, [recipe_text(candidate.recipe), ranges(candidate.ranges)])),
        status(result, candidate),
        _cells(candidate),
    )


def recipe_text(recipe: Sequence[Mapping[str, Any]]) -> str:
    """Returns a chain in words, such as ``channels (ratio 0.5, epochs 5), then int8``."""
    parts = []
    for name, params in ((name, params) for step in recipe for name, params in step.items()):
        if name == "runtime":
            parts += [f"on {params}"] if params != USUAL_RUNTIME else []
        elif name != UNCHANGED:
            parts.append(_told(name, params))
    return ", then ".join(parts) or "as trained, 32-bit floats"


def _told(name: str, params: Mapping[str, Any]) -> str:
    """Returns a name with its parameters in brackets, and theirs in them."""
    told = [
        _told(key, value) if isinstance(value, Mapping) else f"{key} {value}"
        for key, value in params.items()
        if value is not None
    ]
    return f"{name} ({', '.join(told)})" if told else name


_ABSENT = Cell(numbers.ABSENT, None)


def _cells(candidate: CandidateResult) -> list[Cell]:
    quality, drop, latency = candidate.quality, candidate.drop, candidate.latency_ms
    return [
        Cell(numbers.quality(quality), quality.value if quality else None),
        Cell(numbers.points(drop.observed if drop else None), drop.observed if drop else None),
        Cell(numbers.points(drop.upper_bound if drop else None), drop.upper_bound if drop else None),
        Cell(numbers.milliseconds(latency.p50), latency.p50, numbers.between(latency.p50_interval))
        if latency
        else _ABSENT,
        Cell(numbers.milliseconds(latency.p95), latency.p95) if latency else _ABSENT,
        Cell(numbers.milliseconds(latency.p99), latency.p99) if latency else _ABSENT,
        Cell(numbers.kilobytes(candidate.size_bytes), candidate.size_bytes),
        Cell(numbers.kilobytes(candidate.gzip_bytes), candidate.gzip_bytes),
        Cell(numbers.count(candidate.parameters), candidate.parameters),
        Cell(numbers.count(candidate.macs), candidate.macs),
        Cell(numbers.percent(candidate.sparsity, 0), candidate.sparsity),
    ]


def compared(baseline: CandidateResult | None, chosen: CandidateResult | None) -> list[CandidateResult]:
    """Returns the baseline and the chosen candidate, each once, as far as there are any."""
    pair = [candidate for candidate in (baseline, chosen) if candidate is not None]
    return pair[:1] if len(pair) == 2 and pair[0].id == pair[1].id else pair


def metric_rows(pair: Sequence[CandidateResult]) -> list[tuple[str, list[str]]]:
    """Returns every metric by name, of every output, with the baseline's and the chosen candidate's value."""
    return [
        (f"{output}: {name}" if output else name, cells)
        for output, alone in _by_output(pair).items()
        for name, cells in _metric_rows(alone)
    ]


def _by_output(pair: Sequence[CandidateResult]) -> Mapping[str, Sequence[OutputEvaluation | CandidateResult]]:
    """Returns the quality of each of several outputs by its name; of one output, the candidates."""
    names = dict.fromkeys(name for candidate in pair for name in candidate.outputs)
    if not names:
        return {"": pair}
    return {
        name: [candidate.outputs[name] for candidate in pair if name in candidate.outputs] for name in names
    }


def _metric_rows(pair: Sequence[OutputEvaluation | CandidateResult]) -> list[tuple[str, list[str]]]:
    names = dict.fromkeys(name for candidate in pair for name in candidate.metrics)
    return [
        (
            numbers.metric(name),
            [
                numbers.percent(c.metrics.get(name))
                if is_share(name)
                else numbers.decimal(c.metrics.get(name), 4)
                for c in pair
            ],
        )
        for name in names
    ]


@dataclass(frozen=True)
class ClassRow:
    """A class: its test examples, and what each model is worth on it: see ``class_columns``.

    Attributes:
        flagged: Whether the chosen model is proven to lose more on it than on the others.
    """

    name: str
    examples: int
    cells: list[Cell]
    change: float | None
    flagged: bool


def class_columns(pair: Sequence[CandidateResult]) -> dict[str, str]:
    """Returns what is shown of each class, with its heading: of masks, the IoU as well."""
    shown = {"precision": "precision", "recall": "recall", "f1": "F1"}
    has_iou = any(found.iou is not None for each in pair for found in each.per_class.values())
    return {**shown, "iou": "IoU"} if has_iou else shown


def class_rows(pair: Sequence[CandidateResult], losses: Sequence[PartLoss] = ()) -> list[ClassRow]:
    """Returns the quality per class, with the change of recall from the baseline to the chosen candidate."""
    worse = {part.part for part in parts.flagged(losses) if part.kind == "class"}
    by_output = _by_output(pair)
    each = [
        (output, name, [candidate.per_class.get(name) for candidate in alone])
        for output, alone in by_output.items()
        for name in dict.fromkeys(name for candidate in alone for name in candidate.per_class)
    ]
    first, columns, rows = next(iter(by_output)), class_columns(pair), []
    for output, name, metrics in each:
        values = [getattr(m, key) if m else None for m in metrics for key in columns]
        recalls = [m.recall for m in metrics if m]
        rows.append(
            ClassRow(
                name=f"{output}: {name}" if output else name,
                examples=max(m.examples for m in metrics if m),
                cells=[Cell(numbers.percent(value, 1), value) for value in values],
                change=recalls[1] - recalls[0] if len(recalls) == 2 else None,
                flagged=output == first and name in worse,
            )
        )
    return rows


@dataclass(frozen=True)
class PartRow:
    """A class or a slice, and what the chosen candidate loses on it.

    Attributes:
        bar: The length of its bar, 0 to 1: the loss beside the largest.
    """

    name: str
    kind: str
    examples: int
    loss: Cell
    others: Cell
    bar: float
    flagged: bool


def part_rows(losses: Sequence[PartLoss], headline: HeadlineValue | None) -> list[PartRow]:
    """Returns what is lost on each class and slice, the largest loss first."""
    largest = max([part.loss for part in losses], default=0.0)
    return [
        PartRow(
            name=part.part,
            kind=part.kind,
            examples=part.examples,
            loss=Cell(parts.loss(part.loss, headline), part.loss),
            others=Cell(parts.loss(part.others, headline), part.others),
            bar=max(0.0, part.loss / largest) if largest > 0 else 0.0,
            flagged=part.larger,
        )
        for part in losses
    ]


def class_counts(by_split: Mapping[str, Mapping[str, int]]) -> list[tuple[str, int, float, str]]:
    """Returns ``(class, rows, share of the largest class, rows per split in words)`` of counts per split."""
    names = dict.fromkeys(name for counts in by_split.values() for name in counts)
    totals = {name: sum(counts.get(name, 0) for counts in by_split.values()) for name in names}
    largest = max(totals.values(), default=0) or 1
    return [
        (
            name,
            total,
            total / largest,
            ", ".join(f"{split} {counts.get(name, 0):,}" for split, counts in by_split.items()),
        )
        for name, total in totals.items()
    ]


@dataclass(frozen=True)
class PlainTable:
    """A table whose columns are whatever its rows have."""

    header: list[str]
    rows: list[list[Cell]]


def table(rows: Sequence[Mapping[str, Any]], *, nested: bool = False) -> PlainTable:
    """Returns rows of any shape as a table.

    Args:
        rows: What is known of each row; not every row needs to know the same, and a column that is empty
            everywhere is left out.
        nested: Whether a dict inside a row becomes columns of its own, as the hyper-parameters of a trial do.
    """
    flat = [dict(_flatten(row)) if nested else dict(row) for row in rows]
    header = list(dict.fromkeys(key for row in flat for key, value in row.items() if not _empty(value)))
    return PlainTable(header, [[_cell(row.get(key)) for key in header] for row in flat])


def _flatten(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flatten(value)
        else:
            yield str(key), value


def best_trial(trials: Sequence[Trial], score: float | None) -> int | None:
    """Returns the index of the trial that reached the best score."""
    return next((i for i, trial in enumerate(trials) if score is not None and trial.score == score), None)


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _cell(value: Any) -> Cell:
    if _empty(value):
        return Cell(numbers.ABSENT, None)
    if isinstance(value, bool):
        return Cell("yes" if value else "no", str(value))
    if isinstance(value, int):
        return Cell(f"{value:,}", value)
    if isinstance(value, float):
        return Cell(numbers.decimal(value, 4), value)
    if isinstance(value, Mapping):
        value = [f"{key} ({_cell(number).text})" for key, number in value.items()]
    if isinstance(value, list | tuple):
        more = ", …" if len(value) > 5 else ""
        return Cell(", ".join(str(item) for item in value[:5]) + more, None)
    return Cell(str(value), str(value))
