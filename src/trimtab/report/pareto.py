"""The geometry of the Pareto plots: quality against latency, and quality against size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trimtab.config.config import split_candidate
from trimtab.report import labels, numbers
from trimtab.report.result import CandidateResult, Result
from trimtab.report.scale import Scale, spread
from trimtab.report.verdict import BASELINE, is_regression

WIDTH, HEIGHT = 520, 360
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 16, 44
LABELLED = 24
ROOM_BELOW = 3.0
LOG_FROM = 12.0
Cost = Literal["latency", "size"]
Role = Literal["chosen", "baseline", "within", "over"]


@dataclass(frozen=True)
class Mark:
    """A candidate in the plot.

    Attributes:
        x: Pixels.
        y: Pixels.
        worst: The pixel of the proven worst quality, where it is known.
        role: What its colour and shape say.
        front: Whether it is on the Pareto front of all three: quality, latency and size.
        off: Whether its quality is too bad for the plot: it is drawn at the edge.
        label: Its name, where there is room.
        title: Everything about it, for the tooltip and for screen readers.
    """

    x: float
    y: float
    worst: float | None
    role: Role
    front: bool
    off: bool
    label: labels.Label | None
    title: str


@dataclass(frozen=True)
class ParetoPlot:
    """A plot, in pixels of a ``WIDTH`` x ``HEIGHT`` canvas."""

    cost: Cost
    title: str
    x_title: str
    y_title: str
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    marks: list[Mark]
    front: str
    x_limit: tuple[float, str] | None
    y_limit: tuple[float, str] | None
    inside: tuple[float, float, float, float]
    notes: list[str]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def short_name(identifier: str) -> str:
    """Returns a candidate's id as it fits beside a point: ``channels-0.5--int8`` is ``channels-0.5 int8``."""
    prune_id, quantize = split_candidate(identifier)
    if identifier == BASELINE:
        return "baseline"
    return " ".join(part for part in (prune_id, quantize) if part != "none")


def pareto_plot(result: Result, cost: Cost) -> ParetoPlot | None:
    """Returns the plot of quality against a cost, or None when fewer than two candidates have both."""
    shown = [c for c in result.candidates if _cost(c, cost) is not None and _quality(result, c) is not None]
    if len(shown) < 2:
        return None
    budget = result.config.get("budget") or {}
    x_limit = budget.get("max_latency_ms" if cost == "latency" else "max_size_kb")
    y_limit = _quality_limit(result)
    x, y = _x_scale([_cost(c, cost) or 0.0 for c in shown], x_limit), _y_scale(result, shown, y_limit)
    regression = is_regression(result)
    quality = "mean absolute error" if regression else "accuracy, %"
    notes = []
    unit = "ms" if cost == "latency" else "KB"
    if x_limit and x_limit > x.high:
        notes.append(f"The budget of {numbers.limit(x_limit)} {unit} lies beyond the right edge.")
    off = sum(not y.low <= (_quality(result, c) or 0.0) <= y.high for c in shown)
    if off:
        notes.append(f"{off} of much worse quality at the edge, not to scale (triangles).")
    missing = len(result.candidates) - len(shown)
    if missing:
        notes.append(f"{missing} without these measurements: see the table.")
    return ParetoPlot(
        cost=cost,
        title=f"{'Error' if regression else 'Accuracy'} against {cost}",
        x_title="latency of one example, median ms" if cost == "latency" else "size of the model file, KB",
        y_title=quality,
        x_ticks=x.ticks(6),
        y_ticks=y.ticks(6),
        marks=_marks(result, shown, cost, x, y),
        front=_front(result, shown, cost, x, y),
        x_limit=(x(x_limit), f"{numbers.limit(x_limit)} {unit}") if x_limit and x_limit <= x.high else None,
        y_limit=(y(y_limit), f"{numbers.decimal(y_limit, 4)}{'' if regression else ' %'}")
        if y_limit is not None
        else None,
        inside=_inside(x, y, x_limit, y_limit, regression=regression),
        notes=notes,
    )


def _inside(
    x: Scale, y: Scale, x_limit: float | None, y_limit: float | None, *, regression: bool
) -> tuple[float, float, float, float]:
    """Returns the rectangle of the budget, ``(x, y, width, height)``."""
    right = x(x.clamp(x_limit)) if x_limit else float(WIDTH - RIGHT)
    top, bottom = float(TOP), float(HEIGHT - BOTTOM)
    if y_limit is not None:
        edge = y(y.clamp(y_limit))
        top, bottom = (edge, bottom) if regression else (top, edge)
    return LEFT, top, round(right - LEFT, 1), round(bottom - top, 1)


def _cost(candidate: CandidateResult, cost: Cost) -> float | None:
    if cost == "latency":
        return candidate.latency_ms.p50 if candidate.latency_ms else None
    return candidate.size_bytes / 1000 if candidate.size_bytes else None


def _quality(result: Result, candidate: CandidateResult) -> float | None:
    if is_regression(result):
        return candidate.metrics.get("mae")
    accuracy = candidate.metrics.get("accuracy")
    return None if accuracy is None else accuracy * 100


def _quality_limit(result: Result) -> float | None:
    """Returns the worst quality that the budget allows."""
    budget = result.config.get("budget") or {}
    name = "max_error_increase" if is_regression(result) else "max_accuracy_drop"
    return _below_baseline(result, budget.get(name))


def _below_baseline(result: Result, drop: float | None) -> float | None:
    """Returns the quality that is so much worse than the baseline's."""
    best = _quality(result, result.baseline) if result.baseline else None
    if best is None or drop is None:
        return None
    return best * (1 + drop) if is_regression(result) else best - drop * 100


def _worst(result: Result, candidate: CandidateResult) -> float | None:
    if candidate.drop is None or candidate.id == BASELINE:
        return None
    return _below_baseline(result, candidate.drop.upper_bound)


def _x_scale(costs: list[float], limit: float | None) -> Scale:
    low, high = min(costs), max(costs)
    ends = [*costs, limit] if limit and limit <= 1.6 * high else costs
    if high > LOG_FROM * low:
        return Scale(low / 1.25, max(ends) * 1.25, LEFT, WIDTH - RIGHT, log=True)
    return Scale(*spread(ends, 0.12, floor=0.0), LEFT, WIDTH - RIGHT)


def _y_scale(result: Result, shown: Sequence[CandidateResult], limit: float | None) -> Scale:
    """Returns an axis for the contenders: one collapsed candidate must not press all others together."""
    qualities = [_quality(result, candidate) or 0.0 for candidate in shown]
    worst = [w for w in (_worst(result, candidate) for candidate in shown) if w is not None]
    best = _quality(result, result.baseline) if result.baseline else None
    if limit is None or best is None:
        low, high = spread(qualities, 0.08)
        return Scale(low, high, HEIGHT - BOTTOM, TOP)
    room = abs(best - limit) * ROOM_BELOW
    near = [q for q in [*qualities, *worst] if (q - best if limit > best else best - q) <= room]
    low, high = spread([*near, limit, best], 0.08)
    return Scale(low, high, HEIGHT - BOTTOM, TOP)


def _marks(result: Result, shown: Sequence[CandidateResult], cost: Cost, x: Scale, y: Scale) -> list[Mark]:
    qualities = [_quality(result, candidate) or 0.0 for candidate in shown]
    spots = [(x(_cost(c, cost) or 0.0), y(y.clamp(q))) for c, q in zip(shown, qualities, strict=True)]
    order = sorted(range(len(shown)), key=lambda i: _importance(result, shown[i]))[:LABELLED]
    bounds = labels.Box(LEFT + 2, TOP, WIDTH - 2, HEIGHT - BOTTOM - 2)
    important = sum(_importance(result, shown[i]) <= 2 for i in order)
    placed = labels.place(spots, [(i, short_name(shown[i].id)) for i in order], bounds, keep=important)
    marks = []
    for index, candidate in enumerate(shown):
        worst = _worst(result, candidate)
        off = not y.low <= qualities[index] <= y.high
        marks.append(
            Mark(
                x=spots[index][0],
                y=spots[index][1],
                worst=None if worst is None or off else y(y.clamp(worst)),
                role=_role(result, candidate),
                front=candidate.on_pareto_front,
                off=off,
                label=placed.get(index),
                title=_title(result, candidate),
            )
        )
    # The important ones are drawn last, on top of the others.
    return [marks[i] for i in sorted(range(len(shown)), key=lambda i: -_importance(result, shown[i]))]


def _role(result: Result, candidate: CandidateResult) -> Role:
    if candidate.id == result.chosen:
        return "chosen"
    if candidate.id == BASELINE:
        return "baseline"
    return "within" if candidate.within_budget else "over"


def _importance(result: Result, candidate: CandidateResult) -> int:
    """Returns 0 for what must be seen first."""
    rank = {"chosen": 0, "baseline": 1, "within": 3, "over": 4}[_role(result, candidate)]
    return 2 if rank > 2 and candidate.on_pareto_front else rank


def _title(result: Result, candidate: CandidateResult) -> str:
    quality = _quality(result, candidate)
    text = [f"{'MAE' if is_regression(result) else 'accuracy'} {numbers.decimal(quality, 4)}"]
    text[0] += "" if is_regression(result) else " %"
    if candidate.latency_ms:
        text.append(f"{numbers.milliseconds(candidate.latency_ms.p50)} ms")
    text.append(numbers.size(candidate.size_bytes))
    text.append("chosen" if candidate.id == result.chosen else _budget_words(candidate))
    return f"{candidate.id}: {', '.join(text)}"


def _budget_words(candidate: CandidateResult) -> str:
    if candidate.within_budget:
        return "within the budget"
    return "; ".join(["not within the budget", *candidate.reasons])


def _front(result: Result, shown: Sequence[CandidateResult], cost: Cost, x: Scale, y: Scale) -> str:
    """Returns the staircase through the candidates that no other beats in both of the plot's values."""
    sign = 1 if is_regression(result) else -1
    spots = sorted((_cost(c, cost) or 0.0, sign * (_quality(result, c) or 0.0)) for c in shown)
    steps: list[tuple[float, float]] = []
    for value, loss in spots:
        if not steps or loss < steps[-1][1]:
            steps.append((value, loss))
    inside = [(x(value), y(sign * loss)) for value, loss in steps if y.low <= sign * loss <= y.high]
    if not inside:
        return ""
    path = f"M{inside[0][0]} {inside[0][1]}"
    for across, up in inside[1:]:
        path += f"H{across}V{up}"
    return f"{path}H{WIDTH - RIGHT}"
