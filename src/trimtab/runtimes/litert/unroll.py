"""Recurrent layers without their loop: the converter's calibration dies of a loop's own graph (SIGSEGV).

Unrolled, a layer is the same operations once for each step, which the converter knows and quantizes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from trimtab.errors import CompressionError
from trimtab.models.keras_graph import Functional, calls, innermost_layers

MOST_STEPS = 64
"""Of one layer. An LSTM of 16 units makes a file of 56 kB at 12 steps (18 with a loop), which takes 2 s to
convert and answers in 15 µs (24 in floats); at 64, 363 kB, 9 s and 57 µs (239); at 128, 1,050 kB, 15 s and
1,063 µs (525)."""


@contextlib.contextmanager
def unrolled(model: keras.Model) -> Iterator[None]:
    """Makes recurrent layers unroll where the model is traced in the block; its weights are the same.

    Args:
        model: A Keras model.

    Raises:
        CompressionError: If a recurrent layer has too many steps, or if nobody knows how many.
    """
    looping = [layer for layer in innermost_layers(model) if _loops(layer)]
    if looping:
        _check(model)
    for layer in looping:
        layer.unroll = True
    try:
        yield
    finally:
        for layer in looping:
            layer.unroll = False


def _loops(layer: Any) -> bool:
    return isinstance(layer, keras.layers.RNN) and not layer.unroll


def _check(model: keras.Model) -> None:
    for call in calls(model) if isinstance(model, Functional | keras.Sequential) else []:
        layer = call.operation
        if isinstance(layer, keras.Model):
            _check(layer)
        elif isinstance(layer, keras.layers.Bidirectional) or _loops(layer):
            _check_steps(layer.name, call.input_tensors[0].shape[1])


def _check_steps(name: str, steps: int | None) -> None:
    hint = "dynamic_int8 takes it as it is. Or shorten the sequences, or pool them before it."
    if steps is None:
        raise CompressionError("int8 unrolls it, and how many steps it has is open", field=name, hint=hint)
    if steps > MOST_STEPS:
        message = f"int8 unrolls it, and it has {steps} steps, more than {MOST_STEPS}"
        raise CompressionError(message, field=name, hint=hint)
