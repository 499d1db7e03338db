"""Examples on their way: a mapping of names to arrays, from the records to the model and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Batch = Mapping[str, NDArray[Any]]
"""Examples by the name of the input or output: ``(batch, *shape)`` each, the batch the same in all."""

INPUT, OUTPUT = "input", "output"
"""What a model's only input and its only output are called, whatever its file calls them."""


def rows(batch: Batch) -> int:
    """Returns how many examples a batch has."""
    return len(next(iter(batch.values())))


def take(batch: Batch, start: int, stop: int) -> dict[str, NDArray[Any]]:
    """Returns the examples from ``start`` up to ``stop``; nothing is copied."""
    return {name: values[start:stop] for name, values in batch.items()}


def joined(batches: list[Batch]) -> dict[str, NDArray[Any]]:
    """Returns the examples of several batches in order."""
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
