"""Operators on tensors in a model of Keras 2, such as ``x + 1.0``, as Keras 3 computes the same.

Keras 2 kept them as functions of TensorFlow by name. Those between two tensors, between a tensor and a
number, and activations become layers, which every recipe takes; others become operations of ``keras.ops``.
"""

from __future__ import annotations

from typing import Any

from trimtab.models.keras2_functions import as_operation
from trimtab.models.keras2_tensors import CONSTANT, is_tensor

_BETWEEN_TENSORS = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "math.multiply": "Multiply",
    "math.subtract": "Subtract",
}
_ACTIVATIONS = {
    "math.exp": "exponential",
    "math.sigmoid": "sigmoid",
    "math.softplus": "softplus",
    "math.tanh": "tanh",
    "nn.elu": "elu",
    "nn.relu": "relu",
    "nn.relu6": "relu6",
    "nn.selu": "selu",
    "nn.sigmoid": "sigmoid",
    "nn.silu": "silu",
    "nn.softplus": "softplus",
    "nn.tanh": "tanh",
}


def as_keras_3(operator: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the layer or the operation that computes an operator, or None if there is none.

    Args:
        operator: The config of a ``TFOpLambda`` or ``SlicingOpLambda``, with the one call that it has.
    """
    (call,), config = operator["inbound_nodes"], operator["config"]
    name, function = config["name"], config["function"]
    made = _as_layer(call, function, name, config.get("dtype")) or as_operation(call, function, name)
    return made and {**made, "name": operator["name"]}


def _as_layer(call: Any, function: str, name: str, dtype: Any) -> dict[str, Any] | None:
    if not isinstance(call[0], str):
        return None  # of a list of tensors
    first, given = call[2] if call[0] == CONSTANT else call[:3], dict(call[3])
    second = given.pop("y", None)
    if any(value is not None for argument, value in given.items() if argument != "name"):
        return None
    made = _made(function, first, second)
    if made is None:
        return None
    kind, settings, inputs = made
    calls = [[[*tensor[:3], {}] for tensor in inputs]]
    return {"class_name": kind, "config": {"name": name, "dtype": dtype, **settings}, "inbound_nodes": calls}


def _made(function: str, first: Any, second: Any) -> tuple[str, dict[str, Any], list[Any]] | None:
    """Returns the kind of a layer, its own settings and its inputs."""
    if second is None:
        return _of_one(function, first)
    if is_tensor(first) and is_tensor(second):
        kind = _BETWEEN_TENSORS.get(function)
        return (kind, {}, [first, second]) if kind else None
    if is_tensor(first) and _is_number(second):
        affine = _affine(function, second)
    elif _is_number(first) and is_tensor(second):
        affine = (-1.0, first) if function == "math.subtract" else _commuted(function, first)
        first = second
    else:
        return None
    return ("Rescaling", {"scale": affine[0], "offset": affine[1]}, [first]) if affine else None


def _of_one(function: str, x: Any) -> tuple[str, dict[str, Any], list[Any]] | None:
    if function == "math.negative":
        return "Rescaling", {"scale": -1.0, "offset": 0.0}, [x]
    activation = _ACTIVATIONS.get(function)
    return ("Activation", {"activation": activation}, [x]) if activation else None


def _affine(function: str, number: float) -> tuple[float, float] | None:
    """Returns the scale and the offset of ``x <operator> number``."""
    if function == "math.subtract":
        return 1.0, -number
    if function in ("__operators__.truediv", "math.truediv", "math.divide"):
        return (1.0 / number, 0.0) if number else None
    return _commuted(function, number)


def _commuted(function: str, number: float) -> tuple[float, float] | None:
    """Returns the scale and the offset where the order of both operands does not matter."""
    if function in ("__operators__.add", "math.add"):
        return 1.0, number
    return (number, 0.0) if function == "math.multiply" else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
