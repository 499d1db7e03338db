"""A margin of minus infinity, before a largest value is looked for, replaced by what needs none.

KerasHub pads so, and what comes from PyTorch: before a ``MaxPooling``, which then has no padding of its own.
In 8 bits that number takes the whole range, and nothing is left of all others. A pooling in steps of one
finds the same largest values with the margin that ``same`` stands for, and of these every so many are what
was asked for: the answers stay equal to the bit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from trimtab.models.functional import copy
from trimtab.models.keras_graph import arguments, calls, run_through

_POOLINGS = (layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D)
_LOWEST = -1e30
"""Nothing that a model computes with lies below."""


def without_margins(model: keras.Model) -> keras.Model:
    """Returns a model with the same answers and weights, and with no margin that ends in poolings alone.

    Args:
        model: A flat functional model.
    """
    margins = _margins(model)
    if not margins:
        return model
    poolings = {pooling.name for readers in margins.values() for pooling in readers}

    def stand_in(operation: Any) -> Callable[..., Any]:
        if operation.name in margins:
            return lambda values, *_, **__: values
        return _in_steps_of_one(operation) if operation.name in poolings else operation

    inputs = [keras.Input(batch_shape=t.shape, dtype=t.dtype, name=t.name) for t in model.inputs]
    given = inputs[0] if len(inputs) == 1 else inputs
    return copy(keras.Model(given, run_through(model, given, stand_in), name=model.name))


def _margins(model: keras.Model) -> dict[str, list[Any]]:
    """Returns the paddings that can be left out, by name, each with the poolings that read it."""
    nodes = calls(model)
    times = Counter(id(node.operation) for node in nodes)
    readers: dict[int, list[Any]] = {id(tensor): [] for node in nodes for tensor in node.outputs}
    for node in nodes:
        for tensor in node.input_tensors:
            readers[id(tensor)].append(node.operation)
    for tensor in model.outputs:
        readers[id(tensor)].append(None)
    found = {}
    for node in nodes:
        widths = _widths(node)
        if widths is None or times[id(node.operation)] > 1:
            continue
        poolings = readers[id(node.outputs[0])]
        if all(times[id(each)] == 1 and _takes(each, widths) for each in poolings):
            found[node.operation.name] = poolings
    return found


def _widths(node: Any) -> list[tuple[int, int]] | None:
    """Returns how wide the margin of minus infinity of a call is at each axis; None: it has none."""
    if type(node.operation).__name__ != "Pad" or node.operation.mode != "constant":
        return None
    args, named = arguments(node)
    value = named.get("constant_values", args[1] if len(args) > 1 else None)
    if value is None or isinstance(value, keras.KerasTensor) or not float(value) <= _LOWEST:
        return None
    return [(int(before), int(after)) for before, after in node.operation.pad_width]


def _takes(pooling: Any, widths: list[tuple[int, int]]) -> bool:
    """Returns whether a pooling without padding looks at a margin as ``same`` in steps of one would."""
    if not isinstance(pooling, _POOLINGS) or (pooling.padding, pooling.data_format) != (
        "valid",
        "channels_last",
    ):
        return False
    same = [((size - 1) // 2, size // 2) for size in pooling.pool_size]
    return widths == [(0, 0), *same, (0, 0)]


def _in_steps_of_one(pooling: Any) -> Callable[..., Any]:
    kind, given = type(pooling), pooling.get_config()
    largest = kind.from_config({**given, "strides": 1, "padding": "same"})
    every = kind.from_config({**given, "name": f"{pooling.name}_steps", "pool_size": 1})
    return lambda values: every(largest(values)) if set(pooling.strides) != {1} else largest(values)
