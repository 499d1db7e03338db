"""What operations of ``keras.ops`` do to channels, by their names: one rule a kind.

The graph keeps what they were called with; a number of channels in it cannot be changed. So nothing is said
of those that name one, as a reshape does, or a slice of the channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from trimtab.compress.graph.dependency import Dependencies, Signal
from trimtab.compress.graph.rules import Shape, elementwise_merge
from trimtab.models.keras_graph import arguments

OperationRule = Callable[[Any, list[Signal], Shape, Dependencies], np.ndarray]


def _elementwise(node: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    """Of one tensor, or of two that are as wide; what else it is given are numbers."""
    if not _others_are_numbers(node) or any(len(signal.channels) != shape[-1] for signal in inputs):
        return dependencies.opaque(node.operation, inputs, shape)
    return elementwise_merge(node.operation, inputs, shape, dependencies)


def _others_are_numbers(node: Any) -> bool:
    given, named = arguments(node)
    others = [x for x in keras.tree.flatten([given, named]) if not isinstance(x, keras.KerasTensor)]
    return all(x is None or np.ndim(x) == 0 for x in others)


def _reduction(node: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    """Over any axes but that of the channels."""
    axes, rank = node.operation.axis, len(inputs[0].shape) + 1
    if axes is None or any(axis % rank == rank - 1 for axis in np.atleast_1d(axes).tolist()):
        return dependencies.opaque(node.operation, inputs, shape)
    return inputs[0].channels


def _joined(node: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    if node.operation.axis % (len(shape) + 1) == len(shape):
        return np.concatenate([signal.channels for signal in inputs])
    return elementwise_merge(node.operation, inputs, shape, dependencies)


def _slice(node: Any, inputs: list[Signal], shape: Shape, dependencies: Dependencies) -> np.ndarray:
    """Of any axes but that of the channels."""
    key = arguments(node)[0][1]
    keys = key if isinstance(key, tuple) else (key,)
    rank = len(inputs[0].shape) + 1
    whole = len(keys) < rank if Ellipsis not in keys else keys[-1] is Ellipsis
    whole = whole or (len(keys) == rank and keys[-1] == slice(None))
    if len(inputs) > 1 or not whole or not all(isinstance(k, int | slice | type(...)) for k in keys):
        return dependencies.opaque(node.operation, inputs, shape)
    return inputs[0].channels


def _named(rule: OperationRule, *names: str) -> dict[str, OperationRule]:
    return dict.fromkeys(names, rule)


OPERATIONS: dict[str, OperationRule] = {
    **_named(_elementwise, "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum"),
    **_named(_elementwise, "Absolute", "Negative", "Square", "Sqrt", "Rsqrt", "Exp", "Log", "Log1p", "Tanh"),
    **_named(_elementwise, "Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Celu", "Gelu", "Silu", "Mish"),
    **_named(_elementwise, "Sigmoid", "HardSigmoid", "HardSilu", "HardTanh", "LogSigmoid", "Softplus"),
    **_named(_elementwise, "Softsign", "Clip", "Cast", "Power", "Sin", "Cos", "Erf", "Identity"),
    **_named(_reduction, "Mean", "Sum", "Max", "Min", "Var", "Std"),
    **_named(_joined, "Concatenate"),
    **_named(_slice, "GetItem"),
}
