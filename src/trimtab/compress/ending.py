"""The end of a chain: a Keras model as the files of a runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trimtab.batch import INPUT, Batch
from trimtab.compress.apply import check_keeps
from trimtab.compress.base import Context
from trimtab.config.base import Section
from trimtab.config.chains import Ending
from trimtab.errors import CompressionError
from trimtab.models.tensors import answer
from trimtab.registry import PASSES, module
from trimtab.runtimes.base import Chosen, Runtime
from trimtab.runtimes.quantizations import Int8
from trimtab.runtimes.ranges import Rule
from trimtab.runtimes.registry import runtime

if TYPE_CHECKING:
    import keras

FLOAT_TOLERANCE = 1e-4
PROBE_EXAMPLES = 32


Predict = Callable[[Batch], Batch]

Costs = Callable[[Predict, Predict], tuple[float, ...]]
"""Returns what a model costs on validation examples, given what answers and the floats that it came from."""


@dataclass(frozen=True)
class Written:
    """What came of writing a model's files.

    Attributes:
        difference: The largest of their outputs from Keras'.
        ranges: How the ranges of activations were chosen; None where there are none.
        losses: What was lost where one operator alone was quantized; see ``Chosen``.
    """

    difference: float
    ranges: Rule | None
    losses: Mapping[str, float]


def write(
    model: keras.Model, ending: Ending, directory: Path, context: Context, costs: Costs | None = None
) -> Written:
    """Writes a model's files.

    Args:
        model: A Keras model.
        ending: How, and for which runtime.
        directory: Where the files go.
        context: Gives the training examples that are calibrated and compared on.
        costs: Chooses among the ways to calibrate; None: there are no validation examples.

    Raises:
        CompressionError: If the runtime cannot take the model so, if the model has a trait that the step
            would destroy, or if the runtime computes something else in floats.
        TrainingError: If a fine-tuning diverges.
    """

    def calibration(n: int) -> Batch:
        examples = context.calibration(n)
        return examples if isinstance(examples, Mapping) else {INPUT: examples}

    def judge(place: Path) -> tuple[float, ...]:
        assert costs is not None
        return costs(serving.load(place).predict, partial(answer, model))

    serving, name, chosen = runtime(ending.runtime), ending.step.name, Chosen()
    directory.mkdir(parents=True, exist_ok=True)
    if name in PASSES:
        check_keeps(ending.step, model)
        for file, content in module(PASSES, name).PASS(model, ending.step.params, context).items():
            (directory / file).write_bytes(content)
    else:
        params = _with_columns_in_floats(ending.step.params, model)
        chosen = serving.convert(model, name, params, directory, calibration, judge if costs else None)
    distance = difference(model, serving, directory, calibration(PROBE_EXAMPLES))
    if name == "none" and not distance <= FLOAT_TOLERANCE:
        raise CompressionError(
            f"Keras and {serving.name} outputs differ by {distance:.2g}, more than {FLOAT_TOLERANCE:g}",
            field=model.name,
        )
    return Written(distance, chosen.ranges, chosen.losses)


def _with_columns_in_floats(params: Section, model: keras.Model) -> Section:
    if not isinstance(params, Int8) or params.only:
        return params
    from trimtab.compress import columns

    names = dict.fromkeys(name for name, _ in columns.in_floats(model))
    return params.model_copy(update={"keep_float": " ".join([params.keep_float, *names]).strip()})


def difference(model: keras.Model, serving: Runtime, directory: Path, batch: Batch) -> float:
    """Returns the largest absolute difference between a model's outputs and its files'.

    Args:
        model: The Keras model.
        serving: The runtime of the files.
        directory: Where the files are.
        batch: Model-ready examples.
    """
    expected, outputs = answer(model, batch), serving.load(directory).predict(batch)
    return max(float(np.abs(expected[name] - outputs[name]).max()) for name in expected)
