"""Which weights of a model can become zero or shared, and which are better left."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from trimtab.compress.graph.dependency import named_weights
from trimtab.errors import CompressionError, ModelError
from trimtab.models.functional import as_functional, copy
from trimtab.models.keras_graph import calls

_KERNEL, _RECURRENT = ("kernel",), ("kernel", "recurrent_kernel")
KERNELS = {
    "Bidirectional": _RECURRENT,
    "Conv1D": _KERNEL,
    "Conv1DTranspose": _KERNEL,
    "Conv2D": _KERNEL,
    "Conv2DTranspose": _KERNEL,
    "Conv3D": _KERNEL,
    "Conv3DTranspose": _KERNEL,
    "ConvLSTM1D": _RECURRENT,
    "ConvLSTM2D": _RECURRENT,
    "ConvLSTM3D": _RECURRENT,
    "Dense": _KERNEL,
    "EinsumDense": _KERNEL,
    "GRU": _RECURRENT,
    "GroupedQueryAttention": _KERNEL,
    "LSTM": _RECURRENT,
    "MultiHeadAttention": _KERNEL,
    "SeparableConv1D": ("pointwise_kernel",),
    "SeparableConv2D": ("pointwise_kernel",),
    "SimpleRNN": _RECURRENT,
}
"""The weights to change by the kind of layer. Depthwise kernels are few and matter; and the size of a word's
vector says how frequent the word is, not how important."""

_OTHER_AXES = ("EinsumDense", "GroupedQueryAttention", "MultiHeadAttention")
"""Their kernels, and transposed ones, have inputs elsewhere than on the last axis but one."""

SMALL = 0.2
"""The first and the last layer stay whole where they have at most this share of all such weights."""


def copied(model: keras.Model) -> keras.Model:
    """Returns a flat copy of a model, to be changed.

    Args:
        model: A Keras model.

    Raises:
        CompressionError: If the model has no graph of layers, or cannot be flattened.
    """
    try:
        return copy(as_functional(model, model.name))
    except ModelError as error:
        raise CompressionError(error.message, field=error.field, hint=error.hint) from error


def kernels(model: keras.Model, *, spare_ends: bool, least_inputs: int = 1) -> dict[str, Any]:
    """Returns the variables of a flat model that are to change, by the name of their layer, and their own.

    Args:
        model: A flat functional Keras model.
        spare_ends: Whether its first and its last layer stay whole where they are small. They see and say
            everything, and have few weights to lose.
        least_inputs: Input channels that a kernel has at least. More than one asks for neighbours among them,
            which transposed convolutions and attentions have on another axis: they are left, too.

    Raises:
        CompressionError: If there are none.
    """
    every = _in_order(model)
    sizes = {name: sum(int(np.prod(one.shape)) for one in own.values()) for name, own in every.items()}
    ends = {
        name for name in (*list(every)[:1], *list(every)[-1:]) if sizes[name] <= SMALL * sum(sizes.values())
    }
    found = {
        f"{name} {own}" if len(variables) > 1 else name: variable
        for name, variables in every.items()
        for own, variable in variables.items()
        if not (spare_ends and name in ends)
        and (least_inputs == 1 or (variable.shape[-2] >= least_inputs and not _has_other_axes(model, name)))
    }
    if not found:
        kinds = ", ".join(sorted(KERNELS))
        raise CompressionError(
            f"the model has no kernel that this changes: expected a layer of {kinds}, "
            f"with {least_inputs} input channels or more",
            field=model.name,
            hint="These recipes still work: prune by channels; quantize by float16, dynamic_int8 or int8.",
        )
    return found


def arrays(variables: dict[str, Any]) -> dict[str, np.ndarray]:
    """Returns the values of variables by the same names."""
    return {name: np.array(variable) for name, variable in variables.items()}


def _in_order(model: keras.Model) -> dict[str, dict[str, Any]]:
    """Returns the kernels by the names of their layers and their own."""
    found: dict[str, dict[str, Any]] = {}
    for node in calls(model):
        layer = node.operation
        names = KERNELS.get(_kind(layer), ())
        own = named_weights(layer) if names and isinstance(layer, keras.Layer) else {}
        kernels = {name: weight for name, weight in own.items() if weight.name in names}
        if kernels:
            found[layer.name] = kernels
    return found


def _kind(layer: Any) -> str:
    """Returns the kind of a layer, of one for every step that of the layer inside it."""
    return type(layer.layer if isinstance(layer, keras.layers.TimeDistributed) else layer).__name__


def _has_other_axes(model: keras.Model, name: str) -> bool:
    kind = _kind(model.get_layer(name))
    return kind.endswith("Transpose") or kind in _OTHER_AXES
