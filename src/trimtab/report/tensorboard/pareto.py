"""Quality against latency and against size as pictures: the report's plots, drawn in pixels."""

from __future__ import annotations

import re
from collections.abc import Iterator

from PIL import Image

from trimtab.events.drawing import FAINT, INK, canvas, font
from trimtab.report.charts.pareto import ParetoPlot, pareto_plot
from trimtab.report.charts.tradeoff import Cost, Role
from trimtab.report.result import Result

_SCALE = 2
_INSIDE = (232, 245, 233)
_COLOURS: dict[Role, tuple[int, int, int]] = {
    "chosen": (19, 115, 51),
    "baseline": (66, 133, 244),
    "within": (52, 168, 83),
    "untested": (249, 171, 0),
    "over": (154, 160, 166),
}
_LEFT_OF = {"start": "ls", "middle": "ms", "end": "rs"}


def pareto_picture(result: Result, cost: Cost) -> Image.Image | None:
    """Returns the plot of quality against a cost, or None when fewer than two candidates have both."""
    plot = pareto_plot(result, cost)
    return None if plot is None else _drawn(plot)


def _drawn(plot: ParetoPlot) -> Image.Image:
    picture, draw = canvas(plot.width * _SCALE, plot.height * _SCALE)
    small = font(10 * _SCALE)
    x, y, width, height = plot.inside
    draw.rectangle((*_scaled(x, y), *_scaled(x + max(0.0, width), y + max(0.0, height))), _INSIDE)
    for at, text in plot.x_ticks:
        draw.line((*_scaled(at, plot.top), *_scaled(at, plot.bottom)), FAINT)
        draw.text(_scaled(at, plot.bottom + 14), text, INK, small, "ms")
    for at, text in plot.y_ticks:
        draw.line((*_scaled(plot.left, at), *_scaled(plot.right, at)), FAINT)
        draw.text(_scaled(plot.left - 4, at + 4), text, INK, small, "rs")
    draw.text(_scaled((plot.left + plot.right) / 2, plot.height - 8), plot.x_title, INK, small, "ms")
    draw.text(_scaled(plot.left, 11), plot.y_title, INK, small, "ls")
    if steps := list(_steps(plot.front)):
        draw.line([_scaled(*step) for step in steps], _COLOURS["within"], _SCALE)
    for mark in plot.marks:
        colour = _COLOURS[mark.role]
        if mark.worst is not None:
            draw.line((*_scaled(mark.x, mark.y), *_scaled(mark.x, mark.worst)), colour, _SCALE)
        size = 6 if mark.role in ("chosen", "baseline") else 4
        corners = (*_scaled(mark.x - size, mark.y - size), *_scaled(mark.x + size, mark.y + size))
        draw.ellipse(corners, colour)
        if mark.label is not None:
            anchor = _LEFT_OF.get(mark.label.anchor, "ls")
            draw.text(_scaled(mark.label.x, mark.label.y), mark.label.text, INK, small, anchor)
    return picture


def _scaled(x: float, y: float) -> tuple[float, float]:
    return x * _SCALE, y * _SCALE


def _steps(path: str) -> Iterator[tuple[float, float]]:
    """Yields the corners of a staircase, an SVG path of one M, and then of H and V."""
    x = y = 0.0
    for command, values in re.findall(r"([MHV])([^MHV]+)", path):
        numbers = [float(value) for value in values.split()]
        x, y = {"M": (numbers[0], numbers[-1]), "H": (numbers[0], y), "V": (x, numbers[0])}[command]
        yield x, y
