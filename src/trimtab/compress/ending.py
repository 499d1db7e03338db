"""The end of a chain: a Keras model as the files of a runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trimtab.batch import INPUT, Batch
from trimtab.compress.apply import check_keeps
from trimtab.compress.base import Context
from trimtab.config.chains import Ending
from trimtab.errors import CompressionError
from trimtab.models.tensors import answer
from trimtab.registry import PASSES, module
from trimtab.runtimes.base import Runtime
from trimtab.runtimes.registry import runtime

if TYPE_CHECKING:
    import keras

FLOAT_TOLERANCE = 1e-4
PROBE_EXAMPLES = 32


def write(model: keras.Model, ending: Ending, directory: Path, context: Context) -> float:
    """Writes a model's files, and returns the largest difference of their outputs from Keras'.

    Args:
        model: A Keras model.
        ending: How, and for which runtime.
        directory: Where the files go.
        context: Gives the training examples that are calibrated and compared on.

    Raises:
        CompressionError: If the runtime cannot take the model so, if the model has a trait that the step
            would destroy, or if the runtime computes something else in floats.
        TrainingError: If a fine-tuning diverges.
    """

    def calibration(n: int) -> Batch:
        return {INPUT: context.calibration(n)}

    serving, name = runtime(ending.runtime), ending.step.name
    directory.mkdir(parents=True, exist_ok=True)
    if name in PASSES:
        check_keeps(ending.step, model)
        for file, content in module(PASSES, name).PASS(model, ending.step.params, context).items():
            (directory / file).write_bytes(content)
    else:
        serving.convert(model, name, ending.step.params, directory, calibration)
    found = difference(model, serving, directory, calibration(PROBE_EXAMPLES))
    if name == "none" and not found <= FLOAT_TOLERANCE:
        raise CompressionError(
            f"Keras and {serving.name} outputs differ by {found:.2g}, more than {FLOAT_TOLERANCE:g}",
            field=model.name,
        )
    return found


def difference(model: keras.Model, serving: Runtime, directory: Path, batch: Batch) -> float:
    """Returns the largest absolute difference between a model's outputs and its files'.

    Args:
        model: The Keras model.
        serving: The runtime of the files.
        directory: Where the files are.
        batch: Model-ready examples.
    """
    expected, found = answer(model, batch), serving.load(directory).predict(batch)
    return max(float(np.abs(expected[name] - found[name]).max()) for name in expected)
