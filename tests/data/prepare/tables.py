"""Tables that are prepared in these tests, and what became of them."""

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.data.dataset.dataset import Dataset
from trimtab.data.prepare.prepare import PreparedSummary

Prepare = Callable[..., tuple[Dataset, PreparedSummary]]


def write_csv(path: Path, columns: dict[str, list[Any]]) -> str:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return str(path)


def colours(rows: int = 3000, seed: int = 0) -> dict[str, list[Any]]:
    rng = np.random.default_rng(seed)
    size = rng.normal(5, 2, rows).round(4)
    return {
        "size": [
            str(value) if keep else "" for value, keep in zip(size, rng.random(rows) > 0.1, strict=True)
        ],
        "color": rng.choice(["red", "green", "blue"], rows).tolist(),
        "label": np.where(size + rng.normal(0, 2, rows) > 5, "big", "small").tolist(),
    }


def hashes(dataset: Dataset) -> dict[str, str]:
    names = ("train", "validation", "test")
    return {
        f"{name}/{shard.name}": hashlib.sha256(shard.read_bytes()).hexdigest()
        for name in names
        for shard in dataset.shards(name)
    }


def rows(dataset: Dataset, split: str) -> list[tuple[bytes, float]]:
    x, y = dataset.arrays(split)
    return sorted((row.tobytes(), float(label)) for row, label in zip(x, y, strict=True))
