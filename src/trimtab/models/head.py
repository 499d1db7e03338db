"""The last layer of every built-in architecture."""

from __future__ import annotations

from typing import Any

from keras import layers

from trimtab.models.spec import ModelSpec

OUTPUT_NAME = "predictions"


def output(x: Any, spec: ModelSpec) -> Any:
    """Returns the output that the task needs, in float32 whatever the dtype policy is.

    Args:
        x: Features, ``(batch, features)``.
        spec: The task and the number of outputs.

    Returns:
        ``(batch, outputs)``: softmax probabilities for classification, one linear value for regression.
    """
    activation = "softmax" if spec.task == "classification" else "linear"
    return layers.Dense(spec.outputs, activation=activation, dtype="float32", name=OUTPUT_NAME)(x)
