"""A model that shares all of another's weights, and rounds where a runtime of 8 bits does."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from trimtab.compress import columns
from trimtab.compress.rounding.rounded import RoundedKernels, RoundedOutput, kernels
from trimtab.models.keras_graph import calls, run_through

FUSED = (layers.BatchNormalization, layers.ReLU, layers.Activation, layers.Dropout, layers.LeakyReLU)
"""What runtimes compute together with the operator before it: nothing is rounded between the two."""


def rounding(model: keras.Model) -> keras.Model:
    """Returns a model of the same layers that computes as 8 bits would; training it trains the given one.

    Args:
        model: A flat functional model.
    """
    between = _not_rounded(model)
    wrapped: dict[str, Callable[..., Any]] = {}

    def stand_in(operation: Any) -> Callable[..., Any]:
        if operation.name not in wrapped:
            wrapped[operation.name] = _stand_in(operation, is_rounded=operation.name not in between)
        return wrapped[operation.name]

    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype, name=t.name) for t in model.inputs]
    in_floats = {id(tensor) for _, tensor in columns.in_floats(model)}
    rounded = [
        tensor if id(given) in in_floats else _output(f"input_{place}", tensor)
        for place, (given, tensor) in enumerate(zip(model.inputs, inputs, strict=True))
    ]
    structure = rounded[0] if len(rounded) == 1 else keras.tree.pack_sequence_as(model.input, rounded)
    outputs = run_through(model, structure, stand_in)
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, outputs, name=model.name)


def _stand_in(operation: Any, *, is_rounded: bool) -> Callable[..., Any]:
    has_kernels = isinstance(operation, keras.Layer) and bool(kernels(operation))
    computed = RoundedKernels(operation) if has_kernels else operation
    if not is_rounded:
        return computed

    numbers = itertools.count(1)

    def call(*inputs: Any, **options: Any) -> Any:
        outputs = computed(*inputs, **options)
        # Each output of each call has a layer of its own, by its own name.
        return keras.tree.map_structure(
            lambda tensor: _output(_numbered(operation.name, next(numbers)), tensor), outputs
        )

    return call


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"


def _output(name: str, tensor: Any) -> Any:
    if "float" not in keras.backend.standardize_dtype(tensor.dtype):
        return tensor
    return RoundedOutput(name=f"{name}_output_rounded", dtype=tensor.dtype)(tensor)


def _not_rounded(model: keras.Model) -> set[str]:
    """Returns the operations whose output no runtime keeps: it is fused into the next, or is the answer."""
    readers: dict[int, list[Any]] = {}
    for node in calls(model):
        for tensor in node.input_tensors:
            readers.setdefault(id(tensor), []).append(node.operation)
    answers = {id(tensor) for tensor in model.outputs}
    return {
        node.operation.name
        for node in calls(model)
        for tensor in node.outputs
        if id(tensor) in answers
        or (len(readers.get(id(tensor), [])) == 1 and isinstance(readers[id(tensor)][0], FUSED))
    }
