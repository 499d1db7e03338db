"""The confusion matrix as a picture, from two classes to hundreds."""

from __future__ import annotations

import math

from PIL import Image
from PIL.ImageDraw import ImageDraw

from trimtab.artifacts.selection import CandidateResult
from trimtab.events.drawing import FAINT, INK, PAPER, RIGHT, WRONG, canvas, fitted, font

_NAMED, _NUMBERED, _LARGEST, _SIDE = 40, 20, 64, 640
_NAMES, _ABOVE = 110, 40


def confusion_picture(candidate: CandidateResult, classes: list[str]) -> Image.Image | None:
    """Returns the matrix of a candidate, or None when it has none: rows are true classes.

    Args:
        candidate: The candidate.
        classes: The names of the classes, in order.
    """
    matrix = candidate.confusion
    if not matrix or len(matrix) != len(classes) or any(len(row) != len(matrix) for row in matrix):
        return None
    count = len(matrix)
    cell = max(2, min(_LARGEST, _SIDE // count))
    left = _NAMES if count <= _NAMED else 8
    picture, draw = canvas(left + count * cell + 8, _ABOVE + count * cell + 8)
    title = f"{candidate.id}: true classes down, answers across"
    draw.text((left, 4), fitted(title, count * cell, 13), INK, font(13))
    if count <= _NAMED:
        _write_names(draw, classes, left, cell)
    for row, counts in enumerate(matrix):
        total = sum(counts) or 1
        for column, number in enumerate(counts):
            corner = left + column * cell, _ABOVE + row * cell
            # The square root makes a few mistakes among many examples visible.
            _fill(draw, corner, cell, number, math.sqrt(number / total), is_right=row == column)
    return picture


def _write_names(draw: ImageDraw, classes: list[str], left: int, cell: int) -> None:
    for place, name in enumerate(classes):
        draw.text((4, _ABOVE + place * cell + cell / 2 - 8), fitted(name, left - 10, 13), INK, font(13))
        draw.text((left + place * cell + 2, 22), fitted(name, cell - 2, 12), INK, font(12))


def _fill(
    draw: ImageDraw, corner: tuple[int, int], cell: int, number: int, share: float, *, is_right: bool
) -> None:
    x, y = corner
    edge = FAINT if cell > 8 else None
    draw.rectangle((x, y, x + cell - 1, y + cell - 1), _shade(share, is_right=is_right), edge)
    if number and cell >= _NUMBERED:
        ink = PAPER if share > 0.6 else INK
        draw.text((x + 4, y + cell / 2 - 8), fitted(str(number), cell - 4, 13), ink, font(13))


def _shade(share: float, *, is_right: bool) -> tuple[int, int, int]:
    red, green, blue = (
        round(white + (full - white) * share)
        for white, full in zip(PAPER, RIGHT if is_right else WRONG, strict=True)
    )
    return red, green, blue
