"""LiteRT files, run in a line: one input, one output."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from trimtab.batch import INPUT, OUTPUT
from trimtab.runtimes.registry import runtime


def predict(directory: Path, x: np.ndarray, name: str = "litert") -> np.ndarray:
    """Returns the outputs of the model in a directory, ``(n, outputs)``."""
    return runtime(name).load(directory).predict({INPUT: x})[OUTPUT]


def outputs(flatbuffer: bytes, x: np.ndarray) -> np.ndarray:
    """Returns the outputs of the content of a ``.tflite`` file, ``(n, outputs)``."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "model.tflite").write_bytes(flatbuffer)
        return predict(Path(directory), x)
