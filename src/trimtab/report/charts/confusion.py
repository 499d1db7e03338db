"""The geometry of confusion matrices, from two classes to hundreds, and the pairs confused most often."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from trimtab.artifacts.selection import CandidateResult

LEVELS = 8
NUMBERED = 16
NAMED = 40
NAME_LENGTH = 16
PIXELS = 440
CHARACTER = 0.58


@dataclass(frozen=True)
class Cells:
    """Cells of one colour.

    Attributes:
        kind: ``right`` (the diagonal) or ``wrong``.
        level: From 1 to ``LEVELS``: the share of the true class's examples, on a square-root scale.
        path: Unit squares, column by row.
    """

    kind: str
    level: int
    path: str


@dataclass(frozen=True)
class ConfusionPlot:
    """A matrix, one unit a cell: rows are true classes, columns predicted ones.

    Attributes:
        counts: Numbers to write into cells, ``(column, row, count, level)``; empty when there are too many.
        names: Names beside the rows and above the columns: ``(index, short, whole)``; empty likewise.
        sparse: ``[row, column, count]`` of every cell that is not zero, for the pointer.
    """

    candidate: str
    classes: int
    cells: list[Cells]
    counts: list[tuple[int, int, int, int]]
    names: list[tuple[int, str, str]]
    sparse: list[list[int]]

    @property
    def unit(self) -> float:
        """Returns about one pixel of the screen, in units of cells, when the matrix is ``PIXELS`` wide."""
        return round(self.classes / PIXELS, 5)

    @property
    def name_size(self) -> float:
        """Returns the font size of the names: readable, but no higher than a row."""
        return round(min(11 * self.unit, 0.85), 5)

    @property
    def count_size(self) -> float:
        """Returns the font size of the numbers in the cells."""
        return round(min(13 * self.unit, 0.5), 5)

    @property
    def slanted(self) -> bool:
        """Returns whether the names of the columns are too long to stand side by side."""
        return self._longest * self.name_size * CHARACTER > 0.95

    @property
    def view(self) -> str:
        """Returns the SVG view box: the cells, and room for the names."""
        edge = 2 * self.unit
        width = self._longest * self.name_size * CHARACTER
        left = width + 8 * self.unit if self.names else edge
        above = (0.87 * width if self.slanted else self.name_size) + 8 * self.unit if self.names else edge
        right = max(edge, 0.5 * width if self.slanted else edge)
        corners = (-left, -above, left + self.classes + right, above + self.classes + edge)
        return " ".join(f"{corner:.4g}" for corner in corners)

    @property
    def _longest(self) -> int:
        return max((len(short) for _, short, _ in self.names), default=0)


@dataclass(frozen=True)
class Confused:
    """Two classes, and how many examples of the first were taken for the second."""

    true: str
    predicted: str
    baseline: int
    chosen: int


def confusion_plot(candidate: CandidateResult, classes: list[str]) -> ConfusionPlot | None:
    """Returns the matrix of a candidate, or None when it has none."""
    matrix = candidate.confusion
    if not matrix or any(len(row) != len(matrix) for row in matrix):
        return None
    size = len(matrix)
    levels = {
        (row, column): _level(count, sum(matrix[row]))
        for row in range(size)
        for column, count in enumerate(matrix[row])
        if count
    }
    numbered = size <= NUMBERED
    return ConfusionPlot(
        candidate=candidate.id,
        classes=size,
        cells=_cells(levels),
        counts=[(c, r, matrix[r][c], level) for (r, c), level in levels.items()] if numbered else [],
        names=[(i, shortened(name), name) for i, name in enumerate(classes[:size])] if size <= NAMED else [],
        sparse=[[row, column, matrix[row][column]] for row, column in levels],
    )


def most_confused(
    baseline: CandidateResult, chosen: CandidateResult, classes: list[str], top: int = 10
) -> list[Confused]:
    """Returns the pairs that are confused most often by either model, the worst first."""
    before, after = _mistakes(baseline.confusion), _mistakes(chosen.confusion)
    pairs = sorted(before | after, key=lambda pair: (-after[pair], -before[pair], pair))
    known = [(t, p) for t, p in pairs if t < len(classes) and p < len(classes)]
    return [Confused(classes[t], classes[p], before[t, p], after[t, p]) for t, p in known[:top]]


def shortened(name: str) -> str:
    """Returns a class's name cut to what fits beside a matrix."""
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"


def _mistakes(matrix: list[list[int]]) -> Counter[tuple[int, int]]:
    cells = ((row, column) for row in range(len(matrix)) for column in range(len(matrix[row])))
    return Counter({(r, c): matrix[r][c] for r, c in cells if r != c and matrix[r][c]})


def _level(count: int, total: int) -> int:
    """Returns a colour's level; the square root makes a few mistakes among many examples visible."""
    return max(1, math.ceil(math.sqrt(count / total) * LEVELS - 1e-9))


def _cells(levels: dict[tuple[int, int], int]) -> list[Cells]:
    paths: dict[tuple[str, int], list[str]] = {}
    for (row, column), level in levels.items():
        kind = "right" if row == column else "wrong"
        paths.setdefault((kind, level), []).append(f"M{column} {row}h1v1h-1z")
    return [Cells(kind, level, "".join(path)) for (kind, level), path in sorted(paths.items())]
