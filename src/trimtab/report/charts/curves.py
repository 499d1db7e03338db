"""The geometry of the training curves: one panel per quantity, training beside validation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trimtab.report.charts.scale import Scale, spread
from trimtab.report.records.evidence import History
from trimtab.report.words import numbers
from trimtab.tasks.registry import headline_among

WIDTH, HEIGHT = 440, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 36
SKIPPED = {"epoch", "seconds", "learning_rate"}
_NO_RANKS = 0.5
"""The ROC AUC of rows of one kind, as an autoencoder trains on: it says nothing."""


@dataclass(frozen=True)
class Line:
    """One curve.

    Attributes:
        kind: ``train`` or ``validation``.
        path: The SVG path.
        dots: Pixels of every epoch with its value, where there are few enough: ``(x, y, text)``.
        last: The value after the last epoch.
    """

    kind: str
    path: str
    dots: list[tuple[float, float, str]]
    last: str


@dataclass(frozen=True)
class CurvePlot:
    """A panel, in pixels of a ``WIDTH`` x ``HEIGHT`` canvas.

    Attributes:
        kept: Where the epoch stands whose weights were kept, if early stopping went back to it.
    """

    history: str
    quantity: str
    lines: list[Line]
    kept: float | None
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def curve_plots(history: History) -> list[CurvePlot]:
    """Returns a panel for the loss and for every metric of a training."""
    names = dict.fromkeys(["loss", *(key.removeprefix("val_") for row in history.epochs for key in row)])
    return [plot for name in names if name not in SKIPPED for plot in _plots(history, name)]


def _plots(history: History, name: str) -> Iterator[CurvePlot]:
    series = {"train": _series(history, name), "validation": _series(history, f"val_{name}")}
    if {value for _, value in series["train"]} == {_NO_RANKS}:
        del series["train"]
    points = [point for line in series.values() for point in line]
    if not points:
        return
    last = max(epoch for epoch, _ in points)
    first = min(epoch for epoch, _ in points)
    x = Scale(first, max(last, first + 1), LEFT, WIDTH - RIGHT)
    y = Scale(*spread([value for _, value in points], 0.06), HEIGHT - BOTTOM, TOP)
    yield CurvePlot(
        history=history.name,
        quantity=headline.name if (headline := headline_among([name])) else name,
        kept=x(history.best_epoch) if history.best_epoch and first <= history.best_epoch <= last else None,
        lines=[_line(kind, line, x, y) for kind, line in series.items() if line],
        x_ticks=[(at, text) for at, text in x.ticks(6) if "." not in text],
        y_ticks=y.ticks(4),
    )


def _series(history: History, key: str) -> list[tuple[float, float]]:
    return [
        (row.get("epoch", index), row[key]) for index, row in enumerate(history.epochs, start=1) if key in row
    ]


def _line(kind: str, series: list[tuple[float, float]], x: Scale, y: Scale) -> Line:
    spots = [(x(epoch), y(value)) for epoch, value in series]
    dots = [
        (at, up, f"{kind}, epoch {epoch:g}: {numbers.decimal(value, 4)}")
        for (at, up), (epoch, value) in zip(spots, series, strict=True)
    ]
    return Line(
        kind=kind,
        path="M" + "L".join(f"{at} {up}" for at, up in spots),
        dots=dots if len(dots) <= 60 else dots[-1:],
        last=numbers.decimal(series[-1][1], 4),
    )
