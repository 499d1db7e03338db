"""Starts the activation ranges of quantization-aware training where the activations are.

TFMOT starts every range at -6 to 6 and moves it by a thousandth a step; an input's range only ever grows. A
short fine-tuning so ends with the ranges it began with: images from 0 to 1 keep 22 of 256 levels, and outputs
beyond 6 are cut. Here the ranges are measured on training examples first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trimtab.compress.tfmot.unpublished import DECAY, INPUT_RANGES, MOVING_RANGES

PASSES = 4


def start_ranges(twin: Any, examples: Any) -> None:
    """Sets the activation ranges of a quantized twin to those of some examples; all other weights stay.

    A pass in training mode moves a range by a thousandth of the way to what it sees, so that what it saw can
    be told from the move. Several passes let ranges in front of a layer settle before its own.

    Args:
        twin: What ``quantize_apply`` returned.
        examples: Model-ready training examples, as ``batch.fed`` gives them.
    """
    variables = {variable.name: variable for variable in twin.weights}
    values = {name: variable.numpy() for name, variable in variables.items()}
    moving = [name for name in variables if _quantizes(name, MOVING_RANGES)]
    inputs = [name for name in variables if _quantizes(name, INPUT_RANGES)]
    for name in inputs:
        values[name] = _edge(name, examples)
    for _ in range(PASSES):
        for name, value in values.items():
            variables[name].assign(value)
        twin(examples, training=True)
        if isinstance(examples, Mapping):
            values |= {name: variables[name].numpy() for name in inputs}
        for name in moving:
            values[name] = ((variables[name].numpy() - DECAY * values[name]) / (1 - DECAY)).astype(np.float32)
    for name, value in values.items():
        variables[name].assign(value)


def _edge(name: str, examples: Any) -> np.ndarray:
    """Returns where an end of an input's range starts: 0 where there are several, which a pass will widen."""
    if isinstance(examples, Mapping):
        return np.zeros((), np.float32)
    edge = min(examples.min(), 0.0) if name.endswith("_min:0") else max(examples.max(), 0.0)
    return np.asarray(edge, np.float32)


def _quantizes(name: str, tensors: tuple[str, ...]) -> bool:
    """Returns whether a variable is an end of the range of one of these tensors."""
    last = name.rpartition("/")[2].removesuffix(":0")
    stem, _, end = last.rpartition("_")
    return end in ("min", "max") and any(
        stem == tensor or stem.startswith(f"{tensor}_") for tensor in tensors
    )
