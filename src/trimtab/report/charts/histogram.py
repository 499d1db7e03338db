"""The geometry of histograms: a bar a value or a range, from the left to the right."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.data.kinds.histograms import Bar, Histogram
from trimtab.report.charts.scale import Scale
from trimtab.report.words import numbers

WIDTH, HEIGHT = 260, 120
TOP, BOTTOM = 8, 34
GAP = 2
_CHARACTERS = 16


@dataclass(frozen=True)
class HistogramBar:
    """A bar, in pixels, and what it says to the pointer."""

    x: float
    y: float
    width: float
    height: float
    title: str


@dataclass(frozen=True)
class HistogramPlot:
    """One aspect of a column, in pixels of a ``WIDTH`` x ``HEIGHT`` canvas.

    Attributes:
        first: What the first bar is, cut to fit.
        last: What the last one is.
        told: All bars in words, for those who cannot see them.
    """

    name: str
    aspect: str
    bars: list[HistogramBar]
    first: str
    last: str
    told: str
    width: int = WIDTH
    height: int = HEIGHT
    bottom: int = HEIGHT - BOTTOM


def histogram_plot(histogram: Histogram) -> HistogramPlot:
    """Returns the plot of a histogram; one has at least a bar."""
    largest = max(bar.share for bar in histogram.bars) or 1.0
    y = Scale(0, largest, HEIGHT - BOTTOM, TOP)
    step = WIDTH / len(histogram.bars)
    told = [_told(bar) for bar in histogram.bars]
    return HistogramPlot(
        name=histogram.name,
        aspect=histogram.aspect,
        bars=[
            HistogramBar(
                x=round(place * step + GAP / 2, 1),
                y=y(bar.share),
                width=round(step - GAP, 1),
                height=round(HEIGHT - BOTTOM - y(bar.share), 1),
                title=text,
            )
            for place, (bar, text) in enumerate(zip(histogram.bars, told, strict=True))
        ],
        first=_cut(histogram.bars[0].label),
        last=_cut(histogram.bars[-1].label) if len(histogram.bars) > 1 else "",
        told=", ".join(told),
    )


def _told(bar: Bar) -> str:
    return f"{bar.label}: {numbers.percent(bar.share, 1)}"


def _cut(label: str) -> str:
    return label if len(label) <= _CHARACTERS else f"{label[: _CHARACTERS - 1]}…"
