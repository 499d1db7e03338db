"""Follows the channels of a model from its inputs to its outputs, one rule a call."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from trimtab.compress.graph.attention import ATTENTIONS
from trimtab.compress.graph.dependency import Dependencies, Signal
from trimtab.compress.graph.operations import OPERATIONS
from trimtab.compress.graph.recurrent import RECURRENT
from trimtab.compress.graph.rules import RULES, frozen_input
from trimtab.models.keras_graph import arguments, calls

_OF_LAYERS = {**RULES, **RECURRENT}


def trace(model: keras.Model) -> Dependencies:
    """Returns the dependencies of a flat functional model; its input and output channels must stay."""
    dependencies = Dependencies()
    signals: dict[int, Signal] = {}
    for node in calls(model):
        for tensor, channels in zip(node.outputs, _channels(node, signals, dependencies), strict=True):
            signals[id(tensor)] = Signal(tuple(tensor.shape[1:]), channels)
    for tensor in model.outputs:
        dependencies.sets.freeze(signals[id(tensor)].channels, "the model's output", above_all=True)
    return dependencies


def _channels(node: Any, signals: dict[int, Signal], dependencies: Dependencies) -> list[np.ndarray]:
    """Returns the channels of each output of a call."""
    operation = node.operation
    mask = None if node.is_input else arguments(node)[1].get("mask")
    inputs = [signals[id(tensor)] for tensor in node.input_tensors if tensor is not mask]
    if isinstance(mask, keras.KerasTensor):
        dependencies.sets.freeze(signals[id(mask)].channels, f"{operation.name} (a mask)")
    shapes = [tuple(tensor.shape[1:]) for tensor in node.outputs]
    if len(shapes) == 1 and shapes[0] and shapes[0][-1] is not None:
        if node.is_input:
            return [frozen_input(operation, inputs, shapes[0], dependencies)]
        if type(operation) in _OF_LAYERS:
            return [_OF_LAYERS[type(operation)](operation, inputs, shapes[0], dependencies)]
        if type(operation) in ATTENTIONS:
            return [ATTENTIONS[type(operation)](node, signals, dependencies)]
        if not isinstance(operation, keras.Layer) and type(operation).__name__ in OPERATIONS:
            return [OPERATIONS[type(operation).__name__](node, inputs, shapes[0], dependencies)]
    return [dependencies.opaque(operation, inputs, shape) for shape in shapes]
