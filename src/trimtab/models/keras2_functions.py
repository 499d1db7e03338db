"""Functions of TensorFlow in a model of Keras 2, such as ``tf.concat`` or ``x[:, 1:]``, as ``keras.ops``.

Keras 2 kept each call with its arguments by name. What is here computes the same in Keras 3, bit for bit or
but for rounding; a function, or an argument of one, that is not here has no counterpart.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

from trimtab.models.keras2_tensors import CONSTANT, has_tensor, is_tensor, tensors

_Settings = dict[str, Any]
_NEEDED = object()
_MOST_PLACES = 65_536
_ALL: _Settings = {"start": None, "stop": None, "step": None}
_OF_ONE = {
    "math.abs": ("numpy", "Absolute"),
    "math.ceil": ("numpy", "Ceil"),
    "math.cos": ("numpy", "Cos"),
    "math.erf": ("math", "Erf"),
    "math.floor": ("numpy", "Floor"),
    "math.log": ("numpy", "Log"),
    "math.log1p": ("numpy", "Log1p"),
    "math.reciprocal": ("numpy", "Reciprocal"),
    "math.rsqrt": ("math", "Rsqrt"),
    "math.sign": ("numpy", "Sign"),
    "math.sin": ("numpy", "Sin"),
    "math.sqrt": ("numpy", "Sqrt"),
    "math.square": ("numpy", "Square"),
}
_OF_TWO = {
    "__operators__.truediv": ("numpy", "Divide"),
    "linalg.matmul": ("numpy", "Matmul"),
    "math.divide": ("numpy", "Divide"),
    "math.maximum": ("numpy", "Maximum"),
    "math.minimum": ("numpy", "Minimum"),
    "math.pow": ("numpy", "Power"),
    "math.truediv": ("numpy", "Divide"),
}
_REDUCING = {
    "math.reduce_logsumexp": ("math", "Logsumexp"),
    "math.reduce_max": ("numpy", "Max"),
    "math.reduce_mean": ("numpy", "Mean"),
    "math.reduce_min": ("numpy", "Min"),
    "math.reduce_prod": ("numpy", "Prod"),
    "math.reduce_std": ("numpy", "Std"),
    "math.reduce_sum": ("numpy", "Sum"),
    "math.reduce_variance": ("numpy", "Var"),
}
_IDLE = {
    "adjoint_a": False,
    "adjoint_b": False,
    "conjugate": False,
    "constant_values": 0,
    "output_type": None,
    "transpose_a": False,
    "transpose_b": False,
}
"""Arguments that have no counterpart, with the value that changes nothing."""


def as_operation(call: Any, function: str, name: str) -> dict[str, Any] | None:
    """Returns the operation of ``keras.ops`` that computes a function, or None if there is none.

    Args:
        call: The one call: a tensor or a list of them, each with its arguments by name.
        function: Its name in TensorFlow, without ``tf.``.
        name: What the operation is called.
    """
    is_of_list = not isinstance(call[0], str)
    first = [tensor[:3] for tensor in call] if is_of_list else call[2] if call[0] == CONSTANT else call[:3]
    given = dict(call[0][3] if is_of_list else call[3])
    given.pop("name", None)
    if any(given.get(argument, idle) not in (idle, None) for argument, idle in _IDLE.items()):
        return None
    given = {argument: value for argument, value in given.items() if argument not in _IDLE}
    made = _of_two(function, first, given) or _of_tensor(function, first, given)
    if made is None:
        return None
    (module, kind), settings, inputs = made
    return {
        "module": f"keras.src.ops.{module}",
        "class_name": kind,
        "registered_name": kind,
        "config": {"name": name, **settings},
        "inbound_nodes": [{"args": tensors(inputs), "kwargs": {}}],
    }


_Made = tuple[tuple[str, str], _Settings, list[Any]]


def _of_two(function: str, first: Any, given: _Settings) -> _Made | None:
    second = given.get("b" if function == "linalg.matmul" else "y")
    if function not in _OF_TWO or len(given) != 1 or not all(map(_is_operand, (first, second))):
        return None
    return _OF_TWO[function], {}, [first, second]


def _is_operand(value: Any) -> bool:
    return is_tensor(value) or (isinstance(value, int | float) and not isinstance(value, bool))


def _of_tensor(function: str, first: Any, given: _Settings) -> _Made | None:
    """Returns what takes a tensor, or several, and settings that are no tensors."""
    if any(map(has_tensor, given.values())):
        return None
    if function in _OF_ONE and not given:
        return _OF_ONE[function], {}, [first]
    if function in _REDUCING and given.keys() <= {"axis", "keepdims"}:
        return _REDUCING[function], {"axis": None, "keepdims": False, **given}, [first]
    if function == "__operators__.getitem" and given.keys() == {"slice_spec"}:
        return _sliced(given["slice_spec"], first)
    operation, arguments = _WITH_SETTINGS.get(function, (None, {}))
    if operation is None or not given.keys() <= arguments.keys():
        return None
    settings = _settings(function, {**arguments, **given})
    return None if settings is None else (operation, settings, [first])


def _sliced(spec: Any, x: Any) -> _Made | None:
    """Returns what computes ``x[spec]``; from an ``.h5``, Keras 3 reads no ellipsis."""
    parts = spec if isinstance(spec, list) else [spec]
    if len(parts) == 2 and _is_ellipsis(parts[0]):
        return _of_last_axis(parts[1], x)
    if parts and _is_ellipsis(parts[-1]):
        parts = parts[:-1]
    key = [_part(part) for part in parts]
    return None if any(part is _NEEDED for part in key) else (("numpy", "GetItem"), {}, [x, key])


def _of_last_axis(part: Any, x: Any) -> _Made | None:
    """Returns what computes ``x[..., part]``."""
    if part is None:
        return ("numpy", "ExpandDims"), {"axis": -1}, [x]
    if isinstance(part, dict) and part.keys() == _ALL.keys():
        start, stop, step = part["start"] or 0, part["stop"], part["step"] or 1
        if not isinstance(stop, int) or any(not 0 <= end <= _MOST_PLACES for end in (start, stop, step)):
            return None
        return ("numpy", "Take"), {"axis": -1}, [x, list(range(start, stop, step))]
    return (("numpy", "Take"), {"axis": -1}, [x, part]) if _part(part) is not _NEEDED else None


def _is_ellipsis(part: Any) -> bool:
    return isinstance(part, dict) and part.get("class_name") == "__ellipsis__"


def _part(part: Any) -> Any:
    if isinstance(part, dict) and part.keys() == _ALL.keys():
        return {"class_name": "__slice__", "config": part}
    return part if part is None or (isinstance(part, int) and not isinstance(part, bool)) else _NEEDED


_WITH_SETTINGS: dict[str, tuple[tuple[str, str], _Settings]] = {
    "cast": (("core", "Cast"), {"dtype": _NEEDED}),
    "clip_by_value": (("numpy", "Clip"), {"clip_value_min": _NEEDED, "clip_value_max": _NEEDED}),
    "compat.v1.pad": (("numpy", "Pad"), {"paddings": _NEEDED, "mode": "CONSTANT"}),
    "compat.v1.squeeze": (("numpy", "Squeeze"), {"axis": None}),
    "compat.v1.transpose": (("numpy", "Transpose"), {"perm": None}),
    "concat": (("numpy", "Concatenate"), {"axis": _NEEDED}),
    "expand_dims": (("numpy", "ExpandDims"), {"axis": _NEEDED}),
    "nn.gelu": (("nn", "Gelu"), {"approximate": False}),
    "nn.leaky_relu": (("nn", "LeakyRelu"), {"alpha": 0.2}),
    "nn.log_softmax": (("nn", "LogSoftmax"), {"axis": -1}),
    "nn.softmax": (("nn", "Softmax"), {"axis": -1}),
    "pad": (("numpy", "Pad"), {"paddings": _NEEDED, "mode": "CONSTANT"}),
    "reshape": (("numpy", "Reshape"), {"shape": _NEEDED}),
    "split": (("numpy", "Split"), {"num_or_size_splits": _NEEDED, "axis": 0}),
    "squeeze": (("numpy", "Squeeze"), {"axis": None}),
    "stack": (("numpy", "Stack"), {"axis": 0}),
    "transpose": (("numpy", "Transpose"), {"perm": None}),
}
"""The operation of a function, and what its arguments are where they are not given."""

_RENAMED: dict[str, dict[str, str]] = {
    "clip_by_value": {"clip_value_min": "x_min", "clip_value_max": "x_max"},
    "nn.leaky_relu": {"alpha": "negative_slope"},
    "pad": {"paddings": "pad_width"},
    "reshape": {"shape": "newshape"},
    "split": {"num_or_size_splits": "indices_or_sections"},
    "transpose": {"perm": "axes"},
}
_CHANGED: dict[str, Callable[[Any], Any]] = {
    "mode": str.lower,
    "num_or_size_splits": lambda sizes: list(accumulate(sizes))[:-1] if isinstance(sizes, list) else sizes,
    "approximate": bool,
}


def _settings(function: str, given: _Settings) -> _Settings | None:
    """Returns the settings of an operation; None where one is missing, or a size is left open."""
    if any(value is _NEEDED for value in given.values()):
        return None
    sizes = given.get("num_or_size_splits")
    if isinstance(sizes, list) and min(sizes, default=-1) < 0:
        return None
    names = _RENAMED.get(function.removeprefix("compat.v1."), {})
    return {
        names.get(name, name): _CHANGED.get(name, lambda same: same)(value) for name, value in given.items()
    }
