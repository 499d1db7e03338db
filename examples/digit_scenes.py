"""Makes pictures of handwritten digits on a grain, for `digit_masks.yaml` and `digit_sizes.yaml`.

    python examples/digit_scenes.py examples/data/digit_scenes

Each picture has one of the digits that scikit-learn ships, in a size of its own: `images/` and `masks/`, in
which the digit's pixels are 255, and `sizes.csv` with the digit's height in pixels.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

SIDE, INK = 32, 96


def scene(digit: np.ndarray, size: int, random: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """Returns a picture and its mask, of a digit `(8, 8)` with values from 0 to 16."""
    ink = Image.fromarray((digit / 16 * 255).astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
    drawn = np.zeros((SIDE, SIDE))
    top, left = random.integers(0, SIDE - size + 1, 2)
    drawn[top : top + size, left : left + size] = np.asarray(ink)
    ground = random.integers(60, 120, 3) + random.normal(0, 20, (SIDE, SIDE, 1))
    share = drawn[..., None] / 255
    picture = (1 - share) * ground + share * random.integers(180, 256, 3)
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)), Image.fromarray(
        np.where(drawn > INK, 255, 0).astype(np.uint8)
    )


def main(folder: Path) -> None:
    """Writes the pictures, their masks and the table."""
    random = np.random.default_rng(0)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with (folder / "sizes.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["picture", "size"])
        for place, digit in enumerate(load_digits().images):
            size = int(random.integers(10, SIDE + 1))
            picture, mask = scene(digit, size, random)
            picture.save(folder / f"images/{place:04}.png")
            mask.save(folder / f"masks/{place:04}.png")
            table.writerow([f"images/{place:04}.png", size])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
