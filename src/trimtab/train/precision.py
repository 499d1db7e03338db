"""Mixed precision while a model trains; before and after, it is a float32 model."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from trimtab.models import keras_graph


def policy_name() -> str:
    """Returns the policy of this machine: ``mixed_float16`` on GPUs, ``mixed_bfloat16`` on CPUs."""
    return "mixed_float16" if tf.config.list_physical_devices("GPU") else "mixed_bfloat16"


@contextlib.contextmanager
def mixed(model: keras.Model, enabled: bool) -> Iterator[None]:
    """Lets a model's layers compute in 16 bits inside the block; the weights stay float32.

    On GPUs the type is float16, and Keras scales the loss; on CPUs it is bfloat16, which needs no scaling.
    The layers that produce the model's outputs keep float32, so that probabilities and the loss do not lose
    digits.

    Args:
        model: A model of float32 layers, not yet compiled.
        enabled: Whether to change anything.
    """
    if not enabled:
        yield
        return
    policy = keras.DTypePolicy(policy_name())
    outputs = {id(operation) for operation in keras_graph.output_operations(model)}
    layers = [layer for layer in keras_graph.innermost_layers(model) if id(layer) not in outputs]
    before = [layer.dtype_policy for layer in layers]
    for layer, original in zip(layers, before, strict=True):
        if original.name == "float32":
            layer.dtype_policy = policy
    try:
        yield
    finally:
        for layer, original in zip(layers, before, strict=True):
            layer.dtype_policy = original
