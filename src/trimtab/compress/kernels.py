"""Which weights of a model can become zero or shared, and which are better left."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from trimtab.errors import CompressionError, ModelError
from trimtab.models.functional import as_functional, copy
from trimtab.models.keras_graph import calls

KERNELS = {
    "Conv1D": "kernel",
    "Conv2D": "kernel",
    "Conv2DTranspose": "kernel",
    "Conv3D": "kernel",
    "Dense": "kernel",
    "SeparableConv1D": "pointwise_kernel",
    "SeparableConv2D": "pointwise_kernel",
}
"""The weight to change by the kind of layer. Depthwise kernels are few and matter; and the size of a word's
vector says how frequent the word is, not how important."""

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
    """Returns the variables of a flat model that are to change, by the name of their layer.

    Args:
        model: A flat functional Keras model.
        spare_ends: Whether its first and its last layer stay whole where they are small. They see and say
            everything, and have few weights to lose.
        least_inputs: Input channels that a kernel has at least. More than one asks for neighbours among them,
            which transposed convolutions have on another axis: they are left, too.

    Raises:
        CompressionError: If there are none.
    """
    every = _in_order(model)
    sizes = {name: int(np.prod(variable.shape)) for name, variable in every.items()}
    ends = {
        name for name in (*list(every)[:1], *list(every)[-1:]) if sizes[name] <= SMALL * sum(sizes.values())
    }
    found = {
        name: variable
        for name, variable in every.items()
        if not (spare_ends and name in ends)
        and (least_inputs == 1 or (variable.shape[-2] >= least_inputs and not _is_transposed(model, name)))
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


def _in_order(model: keras.Model) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in calls(model):
        layer = node.operation
        name = KERNELS.get(type(layer).__name__)
        if name and isinstance(layer, keras.Layer):
            found[layer.name] = next(weight for weight in layer.weights if weight.name == name)
    return found


def _is_transposed(model: keras.Model, name: str) -> bool:
    return type(model.get_layer(name)).__name__.endswith("Transpose")
