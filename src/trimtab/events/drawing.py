"""Text and tiles on pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

INK, FAINT, PAPER = (32, 33, 36), (218, 220, 224), (255, 255, 255)
RIGHT, WRONG = (66, 133, 244), (217, 48, 37)
_GAP = 6


def font(size: float) -> Any:
    """Returns the font that Pillow brings."""
    return ImageFont.load_default(size)


def canvas(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Returns a white picture and what draws on it."""
    picture = Image.new("RGB", (width, height), PAPER)
    return picture, ImageDraw.Draw(picture)


def pixels(image: NDArray[Any]) -> Image.Image:
    """Returns an image of the data as a picture: from its least to its largest value, if these are not bytes.

    Args:
        image: ``(height, width, channels)`` as stored; of more than three channels, the first is shown.
    """
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        image = ((image - low) * (255.0 / ((high - low) or 1.0))).astype(np.uint8)
    return Image.fromarray(image if image.shape[-1] == 3 else image[..., 0]).convert("RGB")


def tiles(pictures: list[tuple[Image.Image, list[str]]], *, columns: int = 6, side: int = 112) -> Image.Image:
    """Returns pictures in rows, each above its lines of text.

    Args:
        pictures: At least one, with as many lines each.
        columns: Pictures in a row.
        side: Pixels that the longer side of a picture is scaled to.
    """
    lines = len(pictures[0][1])
    columns = min(columns, len(pictures))
    across, down = side + _GAP, side + 15 * lines + _GAP
    rows = -(-len(pictures) // columns)
    sheet, draw = canvas(columns * across + _GAP, rows * down + _GAP)
    for place, (picture, texts) in enumerate(pictures):
        x, y = _GAP + place % columns * across, _GAP + place // columns * down
        scale = side / max(picture.size)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
        sheet.paste(picture.resize(size, how), (x, y))
        for number, text in enumerate(texts):
            draw.text((x, y + side + 15 * number), fitted(text, side, 11), INK, font(11))
    return sheet


def fitted(text: str, width: float, size: float) -> str:
    """Returns a text cut to so many pixels."""
    used = font(size)
    if used.getlength(text) <= width:
        return text
    while text and used.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
