"""Makes offers of used house numbers, for `house_numbers.yaml`: a picture, two fields and a note each.

    python examples/house_numbers.py examples/data/house_numbers

The pictures are of the handwritten digits that scikit-learn ships; `offers.csv` has their paths, the sign's
height and material, a note, and what there is to tell: the digit, and the price in euros.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

SIDE = 16
PER_CM = {"plastic": 0.4, "steel": 0.9, "brass": 1.5}
STATES = {  # the share of the price that is left, and what a note says of the sign
    1.0: ["never used", "still in its box", "as new, bought last month"],
    0.7: ["a few light scratches", "used for two years", "screws are missing, else fine"],
    0.4: ["bent at one corner", "the colour has faded badly", "rusty, needs work"],
}
TOWNS = ["Bremen", "Delft", "Graz", "Lund", "Porto", "Turin", "Vilnius", "York"]


def note(left: float, random: np.random.Generator) -> str:
    """Returns what a seller writes of a sign that is worth a share of the price."""
    state, town, postage = random.choice(STATES[left]), random.choice(TOWNS), random.integers(2, 9)
    return f"{state}; in {town}, or {postage} euros by post"


def picture(digit: np.ndarray) -> Image.Image:
    """Returns a digit `(8, 8)` with values from 0 to 16 as a grey image."""
    return Image.fromarray((digit / 16 * 255).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def main(folder: Path) -> None:
    """Writes the pictures and the table."""
    random = np.random.default_rng(0)
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    with (folder / "offers.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["picture", "height_cm", "material", "note", "digit", "price"])
        for place, (digit, image) in enumerate(zip(digits.target, digits.images, strict=True)):
            path = f"pictures/{place:04}.png"
            picture(image).save(folder / path)
            height, material = int(random.integers(8, 31)), str(random.choice(list(PER_CM)))
            left = float(random.choice(list(STATES)))
            wanted = 1.5 if digit in (7, 8) else 1.0  # lucky ones
            price = height * PER_CM[material] * left * wanted * random.normal(1, 0.05)
            table.writerow([path, height, material, note(left, random), f"no {digit}", f"{price:.2f}"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
