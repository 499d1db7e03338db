"""Follows the channels of a model from its inputs to its outputs, one rule a call."""

from __future__ import annotations

import keras

from trimtab.compress.graph.dependency import Dependencies, Signal
from trimtab.compress.graph.rules import RULES, frozen_input
from trimtab.models.keras_graph import calls


def trace(model: keras.Model) -> Dependencies:
    """Returns the dependencies of a flat functional model; its input and output channels must stay."""
    dependencies = Dependencies()
    signals: dict[int, Signal] = {}
    for node in calls(model):
        operation = node.operation
        inputs = [signals[id(tensor)] for tensor in node.input_tensors]
        shape = tuple(node.outputs[0].shape[1:])
        rule = frozen_input if node.is_input else RULES.get(type(operation))
        if rule is None or len(node.outputs) != 1 or not shape or shape[-1] is None:
            for tensor in node.outputs:
                channels = dependencies.opaque(operation, inputs, tuple(tensor.shape[1:]))
                signals[id(tensor)] = Signal(tuple(tensor.shape[1:]), channels)
            continue
        signals[id(node.outputs[0])] = Signal(shape, rule(operation, inputs, shape, dependencies))
    for tensor in model.outputs:
        dependencies.sets.freeze(signals[id(tensor)].channels, "the model's output")
    return dependencies
