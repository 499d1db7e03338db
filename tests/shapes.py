"""Small pictures of bright shapes on a grain, and their masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ["ground", "bar", "block"]


def write_shapes(folder: Path, count: int, side: int = 16, seed: int = 0) -> Path:
    """Writes ``images/`` and ``masks/`` of so many pictures: a dim bar, a bright block in half."""
    random = np.random.default_rng(seed)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for place in range(count):
        image, mask = random.integers(0, 60, (side, side, 3)), np.zeros((side, side), np.uint8)
        top, left = random.integers(0, side - 5, 2)
        mask[top : top + 3, :] = 1
        if place % 2:
            mask[top : top + 5, left : left + 5] = 2
        image[mask == 1] += 80
        image[mask == 2] += 170
        Image.fromarray(image.astype(np.uint8)).save(folder / f"images/{place:04}.png")
        Image.fromarray(mask).save(folder / f"masks/{place:04}.png")
    return folder


def mask_of(folder: Path, place: int) -> np.ndarray:
    """Returns the mask of a picture, ``(side, side)``."""
    return np.asarray(Image.open(folder / f"masks/{place:04}.png"))
