"""What an attention does to channels: whole heads may go, each with its part of every projection.

A head that nothing reads changes nothing. One head alone cannot go; what goes of it are the values that it
gives. The size of its queries and keys scales the products of the two, and stays.

Source: Michel, Levy and Neubig, "Are Sixteen Heads Really Better than One?", 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import layers

from trimtab.compress.graph.dependency import Dependencies, Read, Signal, name_of
from trimtab.models.keras_graph import arguments, innermost_layers

OUTPUT = "attention_output"
_PROJECTIONS = ("query", "key", "value", OUTPUT)
_MOST_AXES_OF_A_MASK = 3
"""Batch, queries and keys; one more is an axis of heads."""


def _attention(node: Any, signals: dict[int, Signal], dependencies: Dependencies) -> np.ndarray:
    layer, tensors = node.operation, _tensors(node)
    if not _is_known(node, tensors):
        return _opaque(node, signals, dependencies)
    reads = {name: signals[id(tensor)].channels for name, tensor in tensors.items()}
    for tensor in node.input_tensors:
        if not any(tensor is known for known in tensors.values()):
            dependencies.sets.freeze(signals[id(tensor)].channels, f"{layer.name} (a mask)")
    for name in ("query", "key", "value"):
        _use(layer, name, {0: reads[name]}, dependencies, Read(reads[name], inside=name))
    _heads(layer, dependencies)
    # Without a shape of its own its output is as wide as its queries are.
    _use(layer, OUTPUT, {2: reads["query"]}, dependencies)
    return reads["query"]


def _is_known(node: Any, tensors: dict[str, Any]) -> bool:
    layer, axis = node.operation, node.outputs[0].shape[-1]
    others = [tensor for tensor in node.input_tensors if not any(tensor is one for one in tensors.values())]
    return (
        not layer.get_config().get("use_gate")
        and not layer.get_config().get("output_shape")
        and set(_inner(layer)) == set(_PROJECTIONS)
        and tensors["query"].shape[-1] == axis
        and all(len(tensor.shape) <= _MOST_AXES_OF_A_MASK for tensor in others)
    )


def _tensors(node: Any) -> dict[str, Any]:
    """Returns what is asked, and what is answered from: the keys are the values if there are none."""
    given, named = arguments(node)
    tensors = {**dict(zip(("query", "value", "key"), given, strict=False)), **named}
    key = tensors.get("key")
    return {
        "query": tensors["query"],
        "value": tensors["value"],
        "key": tensors["value"] if key is None else key,
    }


def _heads(layer: Any, dependencies: Dependencies) -> None:
    """Notes the axes of the heads, or of the values of the only one."""
    if isinstance(layer, layers.GroupQueryAttention):
        asking, answering = _grouped_heads(layer, dependencies)
    elif layer.num_heads == 1:
        values = dependencies.make(layer, "value_dim", layer.value_dim, "values")
        _use(layer, "value", {2: values}, dependencies)
        _use(layer, OUTPUT, {1: values}, dependencies, Read(values, inside=OUTPUT))
        return
    else:
        asking = answering = dependencies.make(layer, "num_heads", layer.num_heads, "heads")
    _use(layer, "query", {1: asking}, dependencies)
    for name in ("key", "value"):
        _use(layer, name, {1: answering}, dependencies)
    _use(layer, OUTPUT, {0: asking}, dependencies, Read(asking, axis=-2, inside=OUTPUT))


def _grouped_heads(layer: Any, dependencies: Dependencies) -> tuple[np.ndarray, np.ndarray]:
    """Returns the heads of queries, and of keys and values: a head of these goes with all that ask it."""
    asking, answering = layer.num_query_heads, layer.num_key_value_heads
    if answering == 1:
        made = dependencies.make(layer, "num_query_heads", asking, "heads")
        return made, dependencies.sets.new(1)
    made = dependencies.make(layer, "num_key_value_heads", answering, "heads")
    repeated = np.repeat(made, asking // answering)
    dependencies.count(layer, "num_query_heads", repeated)
    return repeated, made


def _use(
    layer: Any,
    projection: str,
    axes: dict[int, np.ndarray],
    dependencies: Dependencies,
    read: Read | None = None,
) -> None:
    """Notes an axis of a projection's kernel, and the one of its bias that it is."""
    inner = _inner(layer)[projection]
    for axis, channels in axes.items():
        dependencies.use(layer, name_of(layer, inner.kernel), axis, channels, read)
        of_bias = axis - (len(inner.kernel.shape) - len(inner.bias.shape)) if inner.bias is not None else -1
        if of_bias >= 0:
            dependencies.use(layer, name_of(layer, inner.bias), of_bias, channels)


def _inner(layer: Any) -> dict[str, Any]:
    return {
        one.name: one
        for one in innermost_layers(layer)
        if one is not layer and isinstance(one, layers.EinsumDense)
    }


def _opaque(node: Any, signals: dict[int, Signal], dependencies: Dependencies) -> np.ndarray:
    inputs = [signals[id(tensor)] for tensor in node.input_tensors]
    return dependencies.opaque(node.operation, inputs, tuple(node.outputs[0].shape[1:]))


ATTENTIONS: dict[type, Callable[[Any, dict[int, Signal], Dependencies], np.ndarray]] = {
    layers.MultiHeadAttention: _attention,
    layers.GroupQueryAttention: _attention,
}
