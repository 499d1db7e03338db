"""The tensors of several inputs as one row of bytes, as records hold them: one behind the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from trimtab.data.schema import TensorSpec

Array = npt.NDArray[Any]


def example_bytes(spec: TensorSpec) -> int:
    """Returns the bytes of one example of an input."""
    return math.prod(spec.shape) * np.dtype(spec.stored_dtype).itemsize


def places(specs: Mapping[str, TensorSpec]) -> Iterator[tuple[str, TensorSpec, slice]]:
    """Yields the inputs in order, with the place of their bytes in a row."""
    at = 0
    for name, spec in specs.items():
        size = example_bytes(spec)
        yield name, spec, slice(at, at + size)
        at += size


def pack(tensors: Mapping[str, Array], specs: Mapping[str, TensorSpec]) -> npt.NDArray[np.uint8]:
    """Returns stored tensors as rows of bytes, ``(n, bytes)``.

    Args:
        tensors: By the name of their input, ``(n, *shape)`` each.
        specs: The inputs, in the order of a row.
    """
    rows = [
        np.ascontiguousarray(tensors[name], np.dtype(spec.stored_dtype).newbyteorder("<"))
        .reshape(len(tensors[name]), math.prod(spec.shape))
        .view(np.uint8)
        for name, spec in specs.items()
    ]
    return np.concatenate(rows, axis=1)


def unpack(rows: npt.NDArray[np.uint8], specs: Mapping[str, TensorSpec]) -> dict[str, Array]:
    """Returns what ``pack`` was given: stored tensors by the name of their input.

    Args:
        rows: ``(n, bytes)``.
        specs: The inputs, in the order of a row.
    """
    return {
        name: np.ascontiguousarray(rows[:, place])
        .view(np.dtype(spec.stored_dtype).newbyteorder("<"))
        .reshape(len(rows), *spec.shape)
        for name, spec, place in places(specs)
    }
