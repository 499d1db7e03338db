"""Keeps zeros while a model is trained, whatever library it is of."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from trimtab.compress.traits import LEAST_ZEROS, zero_share
from trimtab.models.cost import KERNELS


def keep_zeros(model: Any, callbacks: Any) -> list[Any]:
    """Returns what makes the zeros of a model's kernels zeros again after every step of training.

    Args:
        model: A Keras 3 or tf_keras model with the zeros that are to stay.
        callbacks: The ``callbacks`` module of its library.
    """
    kernels = [variable for variable in model.trainable_variables if _leaf(variable.name) in KERNELS]
    arrays = [np.asarray(variable.numpy()) for variable in kernels]
    masks = [
        (variable, tf.constant(array != 0, array.dtype))
        for variable, array in zip(kernels, arrays, strict=True)
        if zero_share(array) >= LEAST_ZEROS
    ]

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def project() -> None:
        for variable, mask in masks:
            variable.assign(variable * mask)

    if not masks:
        return []

    def end_step(batch: int, logs: Any = None) -> None:  # noqa: ARG001
        project()

    return [callbacks.LambdaCallback(on_train_batch_end=end_step)]


def _leaf(name: str) -> str:
    return name.rpartition("/")[2].partition(":")[0]
