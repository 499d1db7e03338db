"""What the first layers of a saved model say of the numbers that it takes, read without Keras."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.config.model import InputRange
from trimtab.models.inspect_archive import inspect, inspect_weights
from trimtab.models.inspect_hdf5 import MAX_BYTES

_NESTED = ("Functional", "Model", "Sequential")
_SCALES = ("Normalization", "Rescaling", "TrueDivide")
# They move pixels about, or do nothing when a model is asked: what follows is still the first to see values.
_PASSED = ("Cropping", "Dropout", "GaussianNoise", "Permute", "Random", "Reshape", "Resizing", "ZeroPadding")
# A factor above it would take 255 to more than 25, far outside of what a model is trained on.
_LARGEST_FACTOR_OF_PIXELS = 0.1


@dataclass(frozen=True)
class Expected:
    """What a model takes.

    Attributes:
        range: As ``model.input`` of the config.
        why: What says so, in words.
    """

    range: InputRange
    why: str


def expected(file: Path, most_bytes: int = MAX_BYTES, *, is_built: bool = False) -> Expected | None:
    """Returns what a ``.keras`` or ``.h5`` file says of its input; None: nothing.

    A model that begins by rescaling, or that takes integers, was trained on the numbers as they are.

    Args:
        file: The file.
        most_bytes: What its weights may come to; see ``inspect_hdf5.check``.
        is_built: Whether a builder makes the model, which takes the weights alone.

    Raises:
        ModelError: If the file is missing, damaged or unsafe.
    """
    text = inspect_weights(file, most_bytes) if is_built else inspect(file, most_bytes=most_bytes)
    for layer in _flat(json.loads(text or b"{}")):
        kind, config = str(layer.get("class_name")), layer.get("config")
        settings = config if isinstance(config, dict) else {}
        if kind == "InputLayer":
            dtype = settings.get("dtype")
            if isinstance(dtype, str) and "int" in dtype:
                return Expected("raw", f"its input is {dtype}")
        elif kind in _SCALES:
            return Expected(_scaled(settings), f"it begins with the layer {settings.get('name')} ({kind})")
        elif not kind.startswith(_PASSED):
            return None
    return None


def _flat(model: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields the layers of a model's config in order, those of nested models in their place."""
    config = model.get("config")
    layers = config.get("layers", []) if isinstance(config, dict) else config  # Keras 2 had a bare list, once
    for layer in layers if isinstance(layers, list) else []:
        if layer.get("class_name") in _NESTED:
            yield from _flat(layer)
        else:
            yield layer


def _scaled(settings: dict[str, Any]) -> InputRange:
    """Returns what a layer rescales: pixels, or, by a factor too large for them, 0..1."""
    factors = [abs(factor) for factor in _numbers(settings.get("scale"))]
    factors += [variance**-0.5 for variance in _numbers(settings.get("variance")) if variance > 0]
    return (0.0, 1.0) if factors and max(factors) > _LARGEST_FACTOR_OF_PIXELS else "raw"


def _numbers(value: Any) -> list[float]:
    """Returns the numbers of a setting, however deep its lists are."""
    if isinstance(value, list):
        return [number for each in value for number in _numbers(each)]
    return [float(value)] if isinstance(value, int | float) else []
