"""The geometry of the Pareto plots: quality against latency, and quality against size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trimtab.config.chains import short_name
from trimtab.report.charts import labels
from trimtab.report.charts.scale import Scale, spread
from trimtab.report.charts.tradeoff import (
    Cost,
    Role,
    Spot,
    baseline_quality,
    cost_limit,
    front,
    quality_limit,
    spots,
)
from trimtab.report.result import Result
from trimtab.report.words import numbers

WIDTH, HEIGHT = 520, 360
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 16, 44
LABELLED = 24
OFF_SCALE = 3.0
FAR_LIMIT = 1.8
LOG_FROM = 12.0
UNITS = {"latency": "ms", "size": "kB"}


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
        title: Everything about it, for the pointer and for screen readers.
        id: The candidate's, by which its row in the table is found.
    """

    x: float
    y: float
    worst: float | None
    role: Role
    front: bool
    off: bool
    label: labels.Label | None
    title: str
    id: str


@dataclass(frozen=True)
class ParetoPlot:
    """A plot, in pixels of a ``WIDTH`` x ``HEIGHT`` canvas.

    Attributes:
        front: The SVG path of the staircase through the candidates that are best in both values.
        x_limit: Where the budget's line stands, and what it says; None when it is not in the plot.
        y_limit: Likewise.
        inside: The rectangle of the budget: x, y, width, height.
        notes: What the plot does not show.
    """

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


def pareto_plot(result: Result, cost: Cost) -> ParetoPlot | None:
    """Returns the plot of quality against a cost, or None when fewer than two candidates have both."""
    all_spots = spots(result, cost)
    if len(all_spots) < 2:
        return None
    headline = result.headline
    name = headline.name if headline else "quality"
    falls = headline is not None and headline.better == "lower"
    x_limit, y_limit = cost_limit(result, cost), quality_limit(result)
    x, y = _x_scale(all_spots, x_limit), _y_scale(all_spots, y_limit, baseline_quality(result))
    percent = " %" if headline and headline.unit == "points" else ""
    x_words = f"{numbers.limit(x_limit)} {UNITS[cost]}"
    y_words = f"{numbers.decimal(y_limit, 4)}{percent}"
    return ParetoPlot(
        cost=cost,
        title=f"{name[:1].upper()}{name[1:]} against {cost}",
        x_title=_x_title(result, cost),
        y_title=f"{name}{',' if percent else ''}{percent}",
        x_ticks=x.ticks(6),
        y_ticks=y.ticks(6),
        marks=_marks(all_spots, x, y),
        front=_path(front(all_spots, less_is_better=falls), x, y),
        x_limit=(x(x_limit), x_words) if x_limit and x_limit in x else None,
        y_limit=(y(y_limit), y_words) if y_limit is not None and y_limit in y else None,
        inside=_inside(x, y, x_limit, y_limit, less_is_better=falls),
        notes=[
            *_beyond(x, x_limit, x_words, "left", "right"),
            *_beyond(y, y_limit, y_words, "bottom", "top"),
            *_missing(result, all_spots, y),
        ],
    )


def _beyond(scale: Scale, limit: float | None, words: str, low: str, high: str) -> Iterator[str]:
    if limit is not None and limit not in scale:
        yield f"The budget, {words}, lies beyond the {low if limit < scale.low else high} edge."


def _missing(result: Result, all_spots: Sequence[Spot], y: Scale) -> Iterator[str]:
    off = sum(spot.quality not in y for spot in all_spots)
    if off:
        yield f"{off} much worse {'one is' if off == 1 else 'ones are'} drawn at the edge (triangles)."
    missing = len(result.candidates) - len(all_spots)
    if missing:
        yield f"{missing} without these measurements: see the table."


def _x_scale(all_spots: Sequence[Spot], limit: float | None) -> Scale:
    costs = [spot.cost for spot in all_spots]
    low, high = min(costs), max(costs)
    ends = [*costs, limit] if limit and low / 2 <= limit <= 1.6 * high else costs
    if high > LOG_FROM * low:
        return Scale(min(ends) / 1.25, max(ends) * 1.25, LEFT, WIDTH - RIGHT, log=True)
    return Scale(*spread(ends, 0.12, floor=0.0), LEFT, WIDTH - RIGHT)


def _y_scale(all_spots: Sequence[Spot], limit: float | None, best: float | None) -> Scale:
    """Returns an axis for the contenders: no collapsed candidate and no far limit presses them together."""
    values = [value for spot in all_spots for value in (spot.quality, spot.worst) if value is not None]
    if limit is not None and best is not None:
        sign = 1 if limit > best else -1
        room = abs(limit - best) * OFF_SCALE
        values = [value for value in values if sign * (value - best) <= room] + [best]
        if abs(limit - best) <= FAR_LIMIT * (max(values) - min(values)):
            values.append(limit)
    return Scale(*spread(values, 0.08), HEIGHT - BOTTOM, TOP)


def _inside(
    x: Scale, y: Scale, x_limit: float | None, y_limit: float | None, *, less_is_better: bool
) -> tuple[float, float, float, float]:
    right = x(x.clamp(x_limit)) if x_limit else float(WIDTH - RIGHT)
    top, bottom = float(TOP), float(HEIGHT - BOTTOM)
    if y_limit is not None:
        edge = y(y.clamp(y_limit))
        top, bottom = (edge, bottom) if less_is_better else (top, edge)
    return LEFT, top, round(right - LEFT, 1), round(bottom - top, 1)


def _marks(all_spots: Sequence[Spot], x: Scale, y: Scale) -> list[Mark]:
    """Returns the marks, the important ones last: they are drawn on top of the others."""
    order = sorted(all_spots, key=lambda spot: (spot.quality not in y, spot.importance))
    points = [(x(spot.cost), y(y.clamp(spot.quality))) for spot in order]
    texts = [(index, short_name(spot.candidate.id)) for index, spot in enumerate(order[:LABELLED])]
    placed = labels.place(
        points,
        texts,
        labels.Box(LEFT + 2, TOP, WIDTH - 2, HEIGHT - BOTTOM - 2),
        forced=sum(spot.importance <= 1 for spot in order),
        important=sum(spot.importance <= 2 and spot.quality in y for spot in order),
    )
    marks = [_mark(spot, points[i], placed.get(i), y) for i, spot in enumerate(order)]
    return marks[::-1]


def _mark(spot: Spot, point: tuple[float, float], label: labels.Label | None, y: Scale) -> Mark:
    off = spot.quality not in y
    return Mark(
        x=point[0],
        y=point[1],
        worst=None if spot.worst is None or off else y(y.clamp(spot.worst)),
        role=spot.role,
        front=spot.candidate.on_pareto_front,
        off=off,
        label=label,
        title=_title(spot),
        id=spot.candidate.id,
    )


def _x_title(result: Result, cost: Cost) -> str:
    if cost == "latency":
        return "latency of one example, median ms"
    packed = result.budget is not None and result.budget.size == "gzip"
    return f"size of the model file{' after gzip' if packed else ''}, kB"


def _title(spot: Spot) -> str:
    candidate = spot.candidate
    quality = candidate.quality
    unit = " %" if quality and quality.unit == "points" else ""
    text = [f"{quality.name if quality else 'quality'} {numbers.decimal(spot.quality, 4)}{unit}"]
    if candidate.latency_ms:
        text.append(f"{numbers.milliseconds(candidate.latency_ms.p50)} ms")
    text.append(numbers.size(candidate.counted_bytes))
    if spot.role == "chosen" or candidate.within_budget:
        text.append("chosen" if spot.role == "chosen" else "within the budget")
    else:
        text.append("; ".join(["not within the budget", *candidate.reasons]))
    return f"{candidate.id}: {', '.join(text)}"


def _path(steps: Sequence[Spot], x: Scale, y: Scale) -> str:
    inside = [(x(spot.cost), y(spot.quality)) for spot in steps if spot.quality in y]
    if not inside:
        return ""
    path = f"M{inside[0][0]} {inside[0][1]}"
    for across, up in inside[1:]:
        path += f"H{across}V{up}"
    return f"{path}H{WIDTH - RIGHT}"
