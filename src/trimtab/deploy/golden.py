"""Golden predictions: what a model answered when it was selected, and must answer wherever it is served."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.batch import INPUT, OUTPUT, Batch, rows
from trimtab.errors import DeployError

GOLDEN_FILE = "golden.npz"
FLOAT_TOLERANCE = 1e-5
_ONLY = {"x": INPUT, "y": OUTPUT}


@dataclass(frozen=True)
class Golden:
    """A few test examples with the outputs of the selected model.

    Attributes:
        x: Examples as stored in the shards.
        y: Outputs.
        tolerance: Largest difference that is still the same answer: see ``tolerance``.
    """

    x: Batch
    y: Batch
    tolerance: float

    def save(self, path: Path) -> None:
        """Writes an ``.npz`` file."""
        arrays: dict[str, Any] = {_key("x", name): values for name, values in self.x.items()}
        arrays |= {_key("y", name): values for name, values in self.y.items()}
        np.savez(path, tolerance=np.float64(self.tolerance), **arrays)

    @classmethod
    def load(cls, path: Path) -> Golden:
        """Reads an ``.npz`` file.

        Raises:
            DeployError: If it is missing, damaged, or has no examples.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                golden = cls(_named(file, "x"), _named(file, "y"), float(file["tolerance"]))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DeployError(f"the golden predictions cannot be read: {error}", path=str(path)) from error
        if not (golden.x and golden.y and rows(golden.y)):
            raise DeployError("there are no golden predictions", path=str(path))
        return golden

    def difference(self, outputs: Batch) -> float | None:
        """Returns the largest difference to the golden outputs.

        None if names or shapes differ, or if one is no number.
        """
        if outputs.keys() != self.y.keys():
            return None
        found = [_difference(outputs[name], expected) for name, expected in self.y.items()]
        return None if None in found else max(filter(None, found), default=0.0)


def _key(kind: str, name: str) -> str:
    """Returns the name of an array in the file; that of an only tensor is as it always was."""
    return kind if name in _ONLY.values() else f"{kind}.{name}"


def _named(file: Mapping[str, NDArray[Any]], kind: str) -> Batch:
    keys = [key for key in file if key.partition(".")[0] == kind]
    return {key.partition(".")[2] or _ONLY[kind]: file[key] for key in keys}


def _difference(outputs: NDArray[Any], expected: NDArray[Any]) -> float | None:
    if outputs.shape != expected.shape or not np.isfinite(outputs).all():
        return None
    return float(np.abs(outputs.astype(np.float64) - expected).max())


def tolerance(outputs: NDArray[np.float32], quantized: bool) -> float:
    """Returns how far outputs may be from the golden ones.

    The same file in the same runtime gives the same bits on the same kind of CPU. Another CPU's kernels may
    add in another order: 1e-5, relative to the largest output (at least 1). In an 8-bit graph that can flip
    the last bit of an output: one step of its scale, the smallest gap between outputs that differ.

    Args:
        outputs: The model's outputs on many examples, ``(n, outputs)``.
        quantized: Whether the graph computes in 8-bit integers.
    """
    rounding = FLOAT_TOLERANCE * max(1.0, float(np.abs(outputs).max()))
    gaps = np.diff(np.unique(outputs))
    return rounding + (float(gaps.min()) if quantized and gaps.size else 0.0)
