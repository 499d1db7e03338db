"""Rows as they were when a model was trained, and as they are now: tables, texts, images and clips."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image

from trimtab.data.dataset.dataset import Dataset


def made_table(rows: int = 800, seed: int = 0, shift: float = 0.0) -> dict[str, list[Any]]:
    """Returns columns of a size, a colour, and a label that follows from the size but for noise."""
    rng = np.random.default_rng(seed)
    size = (rng.normal(5, 2, rows) + shift).round(4)
    return {
        "size": size.tolist(),
        "color": rng.choice(["red", "green", "blue"], rows).tolist(),
        "label": np.where(size + rng.normal(0, 2, rows) > 5, "big", "small").tolist(),
    }


def made_texts(rows: int, seed: int, different: int) -> list[str]:
    """Returns so many texts, of which so many differ."""
    rng = np.random.default_rng(seed)
    words = ["good", "bad", "film", "the", "plot", "actor", "music", "long", "short", "nice"]
    pool = [" ".join(rng.choice(words, 8)) for _ in range(different)]
    return [pool[index] for index in rng.integers(0, different, rows)]


def made_png(value: int, size: int) -> bytes:
    """Returns a grey image of noise, brighter where the value is odd."""
    stream = io.BytesIO()
    noise = np.random.default_rng(value).integers(0, 100, (size, size)).astype(np.uint8)
    Image.fromarray(noise + (value % 2) * 100).save(stream, "png")
    return stream.getvalue()


def write_images(root: Path, count: int, size: int = 8, classes: str = "ab", first: int = 0) -> str:
    """Writes images into a folder a class, and returns the path of all."""
    for value in range(first, first + count):
        folder = root / classes[value % len(classes)]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{value:04d}.png").write_bytes(made_png(value, size))
    return str(root)


def write_clips(root: Path, count: int, seconds: float) -> str:
    """Writes clips of noise into a folder a class, and returns the path of all."""
    for value in range(count):
        folder = root / "xy"[value % 2]
        folder.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(value).normal(0, 0.1, int(8000 * seconds))
        soundfile.write(folder / f"{value:03d}.wav", noise, 8000)
    return str(root)


def champion_rows(found: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Returns inputs and labels of the test rows as they are encoded for the champion."""
    batches = found.champion_test(64)
    assert batches is not None
    x, y = zip(*((batch["input"], labels) for batch, labels in batches), strict=True)
    return np.concatenate(x), np.concatenate(y)
