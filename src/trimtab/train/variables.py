"""Every value that a step of training reads or changes, taken out and put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from trimtab.errors import TrainingError


def capture(model: keras.Model) -> dict[str, np.ndarray]:
    """Returns the values of a compiled model's weights, seed generators, optimizer and metrics.

    Args:
        model: A model that was built and compiled.
    """
    return {name: np.array(variable) for name, variable in _named(model).items()}


def restore(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Puts captured values back.

    Args:
        model: A model built and compiled like the one that was captured.
        arrays: What ``capture`` returned.

    Raises:
        TrainingError: If the model has other variables.
    """
    variables = _named(model)
    if variables.keys() != arrays.keys():
        raise TrainingError(
            f"the checkpoint holds {len(arrays)} values, the model has {len(variables)}",
            hint="Remove the checkpoints to start again.",
        )
    for name, variable in variables.items():
        if tuple(variable.shape) != arrays[name].shape:
            raise TrainingError(
                f"the checkpoint's shape is {arrays[name].shape}, the model's {tuple(variable.shape)}",
                field=variable.path,
                hint="Remove the checkpoints to start again.",
            )
        variable.assign(arrays[name])


def weights(model: keras.Model) -> list[np.ndarray]:
    """Returns copies of a model's weights."""
    return [np.array(weight) for weight in model.weights]


def set_weights(model: keras.Model, values: Sequence[np.ndarray]) -> None:
    """Assigns a model's weights."""
    for weight, value in zip(model.weights, values, strict=True):
        weight.assign(value)


def _named(model: keras.Model) -> dict[str, keras.Variable]:
    groups = {
        "model": model.variables,
        "optimizer": model.optimizer.variables,
        "metric": model.metrics_variables,
    }
    return {
        f"{group}.{place:05d}": variable
        for group, variables in groups.items()
        for place, variable in enumerate(variables)
    }
