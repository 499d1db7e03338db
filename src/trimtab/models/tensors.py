"""What goes into a Keras model and comes out of it, by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from trimtab.batch import INPUT, OUTPUT, Batch


def input_names(model: Any) -> list[str]:
    """Returns the names of a model's inputs, in order: the keys of the batches that it takes."""
    return [INPUT] if len(model.inputs) == 1 else [tensor.name for tensor in model.inputs]


def output_names(model: Any) -> list[str]:
    """Returns the names of a model's outputs, in order: the keys of the batches that it gives."""
    return [OUTPUT] if len(model.outputs) == 1 else list(model.output_names)


def apply(model: Any, inputs: Sequence[Any]) -> list[Any]:
    """Returns a model's outputs in order, as at inference.

    Args:
        model: A functional or sequential model.
        inputs: Its inputs in order, ``(batch, *shape)`` each.
    """
    structure = inputs[0] if len(inputs) == 1 else keras.tree.pack_sequence_as(model.input, list(inputs))
    return list(keras.tree.flatten(model(structure, training=False)))


def answer(model: Any, batch: Batch) -> Batch:
    """Returns a model's outputs of some examples, by name."""
    outputs = apply(model, [batch[name] for name in input_names(model)])
    return {name: np.asarray(values) for name, values in zip(output_names(model), outputs, strict=True)}
