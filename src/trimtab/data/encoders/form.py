"""In what form numbers reach a model and leave it: trimtab's own models take what is standardized."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trimtab.config.data import Data
from trimtab.config.model import InputRange

RANGE = "range"
"""The key in an encoder's settings for what is not standardized: ``[low, high]``, or ``raw`` for tables."""

STANDARDIZED, PIXELS = (-1.0, 1.0), (0.0, 255.0)


@dataclass(frozen=True)
class Form:
    """What a model takes and answers.

    Attributes:
        input: The range of its input.
        raw_label: Whether a regression answers in the label's unit.
        pieces: Whether numbers of a table are also given in pieces, as trimtab's own models of tables want.
        classes: In the order of the model's outputs; none: those of the labels, sorted.
        image: Height and width of the RGB images that it was made for, where the config says nothing else.
        tokens: How texts become its inputs: settings of ``encoders.preset_tokens``.
    """

    input: InputRange = "standardized"
    raw_label: bool = False
    classes: tuple[str, ...] = ()
    pieces: bool = False
    image: tuple[int, int] | None = None
    tokens: Mapping[str, Any] | None = None


def sized(config: Data, form: Form) -> Data:
    """Returns the data section, where it says nothing of images, with the size that a model was made for."""
    if form.image is None:
        return config
    height, width = form.image
    sizes = {"height": height, "width": width, "channels": 3}
    asked = {name: size for name, size in sizes.items() if getattr(config.image, name) is None}
    return config.model_copy(update={"image": config.image.model_copy(update=asked)})


def range_of(settings: Mapping[str, Any]) -> tuple[float, float]:
    """Returns the lowest and the highest number that images or clips become, by an encoder's settings."""
    low, high = settings.get(RANGE, STANDARDIZED)
    return float(low), float(high)


def line(start: tuple[float, float], end: tuple[float, float]) -> dict[str, list[float]]:
    """Returns ``scale`` and ``offset`` of a ``TensorSpec`` from one range to another; empty: as it is."""
    scale = (end[1] - end[0]) / (start[1] - start[0])
    offset = end[0] - start[0] * scale
    return {} if (scale, offset) == (1.0, 0.0) else {"scale": [scale], "offset": [offset]}


def other_ranges(
    settings: Mapping[str, Any], x: npt.NDArray[Any]
) -> Iterator[tuple[InputRange, npt.NDArray[Any]]]:
    """Yields model-ready images or clips as they would be with another ``model.input``.

    Args:
        settings: Their encoder's.
        x: As they are, ``(n, *shape)``.
    """
    low, high = range_of(settings)
    unit = (x - low) / (high - low)
    for wanted in (PIXELS, (0.0, 1.0), STANDARDIZED):
        if wanted != (low, high):
            yield wanted, (unit * (wanted[1] - wanted[0]) + wanted[0]).astype(np.float32)
