"""Golden predictions: what a model answered when it was selected, and must answer wherever it is served."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.errors import DeployError

GOLDEN_FILE = "golden.npz"
FLOAT_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Golden:
    """A few test examples with the outputs of the selected model.

    Attributes:
        x: Examples as stored in the shards, ``(n, *shape)``.
        y: Outputs, ``(n, outputs)``.
        tolerance: Largest difference that is still the same answer: see ``tolerance``.
    """

    x: NDArray[Any]
    y: NDArray[np.float32]
    tolerance: float

    def save(self, path: Path) -> None:
        """Writes an ``.npz`` file."""
        np.savez(path, x=self.x, y=self.y, tolerance=np.float64(self.tolerance))

    @classmethod
    def load(cls, path: Path) -> Golden:
        """Reads an ``.npz`` file.

        Raises:
            DeployError: If it is missing, damaged, or has no examples.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                golden = cls(file["x"], file["y"], float(file["tolerance"]))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DeployError(f"the golden predictions cannot be read: {error}", path=str(path)) from error
        if not len(golden.y):
            raise DeployError("there are no golden predictions", path=str(path))
        return golden

    def difference(self, outputs: NDArray[np.float32]) -> float | None:
        """Returns the largest difference to the golden outputs; None if shapes differ or one is no number."""
        if outputs.shape != self.y.shape or not np.isfinite(outputs).all():
            return None
        return float(np.abs(outputs.astype(np.float64) - self.y).max())


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
