"""Labels of points in a chart, placed so that they hide neither points nor each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CHARACTER = 6.1
HEIGHT = 12.0
POINT = 6.0


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; ``y`` grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """Returns the area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)


@dataclass(frozen=True)
class Label:
    """A text and where its baseline starts (``anchor`` says which end of the text ``x`` is)."""

    text: str
    x: float
    y: float
    anchor: str


def place(
    points: Sequence[tuple[float, float]],
    texts: Sequence[tuple[int, str]],
    bounds: Box,
    *,
    forced: int,
    important: int,
) -> dict[int, Label]:
    """Returns labels for points by a greedy search over eight places around each.

    Args:
        points: All points of the chart, in pixels.
        texts: The points to label, the most important first, as ``(index of the point, text)``.
        bounds: Labels stay inside of it.
        forced: So many of the first texts are placed even where they overlap something.
        important: So many of the first texts may stand above or below their point; others only beside it,
            where nobody takes them for a neighbour's.

    Returns:
        The labels by the index of the point; a text without a free place gets none.
    """
    taken = [Box(x - POINT, y - POINT, x + POINT, y + POINT) for x, y in points]
    placed: dict[int, Label] = {}
    for rank, (index, text) in enumerate(texts):
        around = _options(points[index], text)
        options = [option for option in around[: 8 if rank < important else 2] if _inside(option[1], bounds)]
        if not options:
            continue
        cost, label, box = min(
            ((sum(box.overlap(other) for other in taken), label, box) for label, box in options),
            key=lambda option: option[0],
        )
        if cost == 0 or rank < forced:
            placed[index] = label
            taken.append(box)
    return placed


def _options(point: tuple[float, float], text: str) -> list[tuple[Label, Box]]:
    """Returns the places around a point, the best first: right, left, then above and below."""
    x, y = point
    width = len(text) * CHARACTER
    near, far = POINT + 3, POINT + HEIGHT
    places = [
        (x + near, y + 4, "start"),
        (x - near, y + 4, "end"),
        (x + 4, y - near, "start"),
        (x + 4, y + far, "start"),
        (x - 4, y - near, "end"),
        (x - 4, y + far, "end"),
        (x, y - near, "middle"),
        (x, y + far, "middle"),
    ]
    options = []
    for left, base, anchor in places:
        start = left - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        box = Box(start, base - HEIGHT + 2, start + width, base + 2)
        options.append((Label(text, round(left, 1), round(base, 1), anchor), box))
    return options


def _inside(box: Box, bounds: Box) -> bool:
    return (
        box.left >= bounds.left
        and box.right <= bounds.right
        and box.top >= bounds.top
        and box.bottom <= bounds.bottom
    )
