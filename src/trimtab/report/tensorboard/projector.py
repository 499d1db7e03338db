"""What the embedding projector shows: the last hidden layer of test rows, with labels and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import text_format
from numpy.typing import NDArray
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

from trimtab.events.drawing import pixels

CONFIG, VECTORS, LABELS, SPRITE = "projector_config.pbtxt", "embedding.tsv", "labels.tsv", "sprite.png"
MOST_ROWS, MOST_NUMBERS = 5_000, 1_000_000
"""A number is about 7 bytes of text."""

_SPRITE_SIDE, _THUMBNAIL = 4_096, 32


def rows_shown(rows: int, width: int) -> int:
    """Returns how many rows are shown, of so many and of so many numbers each."""
    return max(1, min(rows, MOST_ROWS, MOST_NUMBERS // max(width, 1)))


def write_projector(
    directory: Path, vectors: NDArray[Any], labels: Sequence[str], images: NDArray[Any] | None
) -> None:
    """Writes the files that the projector reads.

    Args:
        directory: The directory of a run that has events, too.
        vectors: ``(n, width)``.
        labels: Of each row.
        images: The rows as stored, ``(n, height, width, channels)``; None: they are no images.
    """
    np.savetxt(directory / VECTORS, vectors, fmt="%.4g", delimiter="\t")
    named = "".join(f"{' '.join(label.split()) or '-'}\n" for label in labels)
    (directory / LABELS).write_text(named)
    config = ProjectorConfig()
    shown = config.embeddings.add(
        tensor_name="last hidden layer", tensor_path=VECTORS, metadata_path=LABELS, tensor_shape=vectors.shape
    )
    if images is not None and len(images):
        width, height = _write_sprite(directory / SPRITE, images)
        shown.sprite.image_path = SPRITE
        shown.sprite.single_image_dim.extend([width, height])
    (directory / CONFIG).write_text(text_format.MessageToString(config))


def _write_sprite(file: Path, images: NDArray[Any]) -> tuple[int, int]:
    """Writes all images as one, row by row, and returns the width and height of each."""
    columns = int(np.ceil(np.sqrt(len(images))))
    most = min(_THUMBNAIL, _SPRITE_SIDE // columns)
    height, width = images.shape[1:3]
    scale = min(1.0, most / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    sheet = Image.new("RGB", (columns * size[0], columns * size[1]))
    for place, image in enumerate(images):
        corner = place % columns * size[0], place // columns * size[1]
        sheet.paste(pixels(image).resize(size), corner)
    sheet.save(file, "PNG")
    return size
