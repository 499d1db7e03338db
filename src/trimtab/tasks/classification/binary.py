"""Two classes told by one probability, as most binary classifiers tell them, in the form of all others."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


def with_both_classes(model: keras.Model) -> keras.Model | None:
    """Returns a model that answers both classes' probabilities where the given one answers the second's.

    A last Dense layer of one unit with a sigmoid becomes one of two units with a softmax, whose first logit
    is always 0: ``softmax([0, z])[1] = sigmoid(z)``, so that nothing is lost, and what is trained or pruned
    later sees the head that it knows.

    Args:
        model: A flat functional model with one output.

    Returns:
        None where the model does not end so.
    """
    head = model.layers[-1]
    is_head = isinstance(head, keras.layers.Dense) and head.output is model.outputs[0]
    if not is_head or head.units != 1 or head.activation is not keras.activations.sigmoid:
        return None
    settings = head.get_config()
    settings |= {"units": 2, "activation": "softmax", "bias_constraint": None, "kernel_constraint": None}
    both = keras.layers.Dense.from_config(settings)
    widened = keras.Model(model.inputs[0], both(head.input), name=model.name)
    both.set_weights([_beside_zeros(weight) for weight in head.get_weights()])
    return widened


def _beside_zeros(weight: np.ndarray) -> Any:
    """Returns a kernel ``(n, 1)`` or a bias ``(1,)`` as the second column or value beside zeros."""
    return np.concatenate([np.zeros_like(weight), weight], axis=-1)
