"""References of tensors in the config of a model of Keras 2, and the same as Keras 3 writes them."""

from __future__ import annotations

from typing import Any

CONSTANT = "_CONSTANT_VALUE"
"""What Keras 2 wrote for the name of a layer where a function's first argument is a number."""


def is_tensor(value: Any) -> bool:
    """Returns whether something is Keras 2's reference of a tensor: a layer, a call of it, and an output."""
    return (
        isinstance(value, list)
        and len(value) >= 3
        and isinstance(value[0], str)
        and all(isinstance(number, int) for number in value[1:3])
    )


def has_tensor(value: Any) -> bool:
    """Returns whether a value is a reference of a tensor, or has one in a list."""
    return is_tensor(value) or (isinstance(value, list) and any(map(has_tensor, value)))


def tensors(value: Any) -> Any:
    """Returns a value in which references of tensors are Keras 3's, whose shapes it finds by itself."""
    if is_tensor(value):
        history = {"shape": [None], "dtype": "float32", "keras_history": value[:3]}
        return {"class_name": "__keras_tensor__", "config": history}
    if isinstance(value, dict):
        return {name: tensors(item) for name, item in value.items()}
    return [tensors(item) for item in value] if isinstance(value, list) else value
