"""Every value that a step of training reads or changes, taken out and put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trimtab.errors import TrainingError
from trimtab.train.library import Library


def capture(model: Any, library: Library) -> dict[str, np.ndarray]:
    """Returns the values of a compiled model's weights, random generators, optimizer and metrics.

    Args:
        model: A model that was built and compiled.
        library: The model's.
    """
    return {name: np.array(variable) for name, variable in _named(model, library).items()}


def restore(model: Any, library: Library, arrays: Mapping[str, np.ndarray]) -> None:
    """Puts captured values back.

    Args:
        model: A model built and compiled like the one that was captured.
        library: The model's.
        arrays: What ``capture`` returned.

    Raises:
        TrainingError: If the model has other variables.
    """
    variables = _named(model, library)
    if variables.keys() != arrays.keys():
        raise TrainingError(
            f"the checkpoint holds {len(arrays)} values, the model has {len(variables)}",
            hint="Remove the checkpoints to start again.",
        )
    for name, variable in variables.items():
        if tuple(variable.shape) != arrays[name].shape:
            raise TrainingError(
                f"the checkpoint's shape is {arrays[name].shape}, the model's {tuple(variable.shape)}",
                field=variable.name,
                hint="Remove the checkpoints to start again.",
            )
        variable.assign(arrays[name])


def weights(model: Any) -> list[np.ndarray]:
    """Returns copies of a model's weights."""
    return [np.array(weight) for weight in model.weights]


def set_weights(model: Any, values: Sequence[np.ndarray]) -> None:
    """Assigns a model's weights."""
    for weight, value in zip(model.weights, values, strict=True):
        weight.assign(value)


def _named(model: Any, library: Library) -> dict[str, Any]:
    return {
        f"{kind}.{place:05d}": variable
        for kind, variables in library.variables(model).items()
        for place, variable in enumerate(variables)
    }
