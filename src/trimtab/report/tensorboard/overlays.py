"""The test images whose masks a model tells worst, with the true mask and the model's laid over them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trimtab.data.dataset.pooled import Pooled
from trimtab.events import file
from trimtab.events.drawing import pixels, tiles
from trimtab.events.image import image_pb
from trimtab.report.tensorboard.most_wrong import rows_of
from trimtab.tasks.masks import IGNORED
from trimtab.tasks.metrics.base import View
from trimtab.tasks.metrics.overlap import mean_iou

MOST = 8
_OPACITY = 0.55
_COLOURS = np.array(
    [(66, 133, 244), (217, 48, 37), (249, 171, 0), (24, 128, 56), (147, 52, 230), (18, 181, 203)], np.uint8
)
"""Of the classes from the second on, over and over; the first one is not drawn."""


def write_overlays(directory: Path, told: NDArray[np.float32], view: View, data: Pooled) -> None:
    """Writes the images that overlap least, the worst first.

    Args:
        directory: The directory of the review.
        told: The class that the model tells of each pixel of the test images, ``(n, pixels)``.
        view: The labels and the model's answers, as metrics see them.
        data: The rows that are tested.
    """
    worst = _worst(view)
    images, labels = rows_of(data, worst), data.labels()[worst]
    sheet = tiles(
        [
            tile
            for place, (image, label) in enumerate(zip(images, labels, strict=True))
            for tile in _tiles(image, label, told[worst[place]], view.take(np.array([worst[place]])))
        ],
        columns=6,
    )
    about = "Of the test split, the worst first: the image, its mask, the model's."
    file.write(directory, [(image_pb("most_wrong/masks", sheet, about), 0, None)])


def _worst(view: View) -> list[int]:
    """Returns the images with the least mean IoU of their own, at most so many."""
    each = [
        mean_iou(view.labels[row : row + 1], view.answers[row : row + 1]) for row in range(len(view.labels))
    ]
    order = np.argsort(np.nan_to_num(each, nan=1.0), kind="stable")
    return [int(row) for row in order[:MOST]]


def _tiles(
    image: NDArray[np.generic], label: NDArray[np.uint8], told: NDArray[np.float32], view: View
) -> Iterator[tuple[Image.Image, list[str]]]:
    yield pixels(image), [f"mean IoU {mean_iou(view.labels, view.answers):.2f}"]
    for mask, name in ((label, "its mask"), (told, "told")):
        yield overlaid(pixels(image), mask.reshape(image.shape[:2]).astype(np.uint8)), [name]


def overlaid(picture: Image.Image, mask: NDArray[np.uint8]) -> Image.Image:
    """Returns a picture with the classes of its pixels ``(height, width)`` in colours, but for the first."""
    base = np.asarray(picture).astype(np.float32)
    colours = _COLOURS[(mask.astype(np.int64) - 1) % len(_COLOURS)]
    is_drawn = ((mask > 0) & (mask != IGNORED))[..., None]
    mixed = np.where(is_drawn, (1 - _OPACITY) * base + _OPACITY * colours, base)
    return Image.fromarray(mixed.astype(np.uint8))
