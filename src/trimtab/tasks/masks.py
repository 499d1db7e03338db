"""Masks as labels, in one form whatever the source wrote.

The label's column names the classes that a mask has, as ``tasks.several`` joins them: so statistics, drift
and checks count images of a class. Beside it is a column with the mask itself, an 8-bit image of classes.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLUMN = "␟mask"
"""The column of masks, beside the label's."""

IGNORED = 255
"""The class of pixels that count for nothing."""

MOST_CLASSES = IGNORED


def encoded(mask: NDArray[np.uint8]) -> bytes:
    """Returns a mask ``(height, width)`` as the content of a PNG file."""
    content = io.BytesIO()
    Image.fromarray(mask).save(content, "PNG", compress_level=1)
    return content.getvalue()


def decoded(content: bytes, height: int, width: int) -> NDArray[np.uint8]:
    """Returns a mask in another size, ``(height, width)``: each pixel is the nearest one's class."""
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        if image.size != (width, height):
            return np.asarray(image.resize((width, height), Image.Resampling.NEAREST), np.uint8)
        return np.asarray(image, np.uint8)
