"""Golden predictions: what a model answered when it was selected, and must answer wherever it is served."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.batch import INPUT, OUTPUT, Batch, rows
from trimtab.errors import DeployError

GOLDEN_FILE = "golden.npz"
FLOAT_TOLERANCE = 1e-5
_STEPS = 256
_ELSEWHERE, _LARGEST_SHARE = 2.0, 0.1
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
        differences = [_difference(outputs[name], expected) for name, expected in self.y.items()]
        return None if None in differences else max(filter(None, differences), default=0.0)


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


def tolerance(outputs: NDArray[np.float32], arithmetic: Collection[str], apart: float) -> float:
    """Returns how far outputs may be from the golden ones.

    The same file in the same runtime gives the same bits on the same kind of CPU. Another one's kernels add
    and round in another order. How far that takes this file is measured by two sets of kernels, and may be
    twice as much elsewhere. What the file computes in says the least: for floats 1e-5, relative to the
    largest output (at least 1); in integers a step more. That is the smallest gap between outputs that
    differ, or, where activations are made integers on the fly, a 256th of the largest output. The most is a
    tenth of what the outputs span, or nothing would be checked: a CPU whose kernels are further away gives
    other answers, and shall not serve the file.

    Args:
        outputs: The model's outputs on many examples, ``(n, outputs)``.
        arithmetic: What the file computes in, as its traits have it.
        apart: The largest difference of two sets of kernels.
    """
    largest, gaps = max(1.0, float(np.abs(outputs).max())), np.diff(np.unique(outputs))
    step = float(gaps.min()) if {"int8", "int16"} & set(arithmetic) and gaps.size else 0.0
    on_the_fly = largest / _STEPS if "dynamic_int8" in arithmetic else 0.0
    least = FLOAT_TOLERANCE * largest + max(step, on_the_fly)
    return max(least, min(_ELSEWHERE * apart, _LARGEST_SHARE * float(np.ptp(outputs))))
