"""What TFMOT and tf_keras do not publish and we use all the same: a class, names of variables, generators."""

from __future__ import annotations

from typing import Any

DECAY = 0.999
"""How much of a range stays at a step in training mode."""

MOVING_RANGES = ("pre_activation", "post_activation", "output")
INPUT_RANGES = ("quantize_layer",)
"""The stems of the variables that hold the two ends of a tensor's range, such as ``output_min``."""


def output_config() -> type[Any]:
    """Returns the class that tells TFMOT to quantize what a layer gives, and nothing inside it."""
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_configs as configs,
    )

    config: type[Any] = configs.Default8BitOutputQuantizeConfig
    return config


def random_generators(model: Any) -> list[Any]:
    """Returns the ``tf.random.Generator`` of every random layer of a tf_keras model, in order.

    The layers have one where ``tf_keras.backend.experimental.enable_tf_random_generator`` was called before
    they were made.
    """
    holders = [getattr(layer, "_random_generator", None) for layer in model._flatten_layers()]
    return [generator for holder in holders if (generator := getattr(holder, "_generator", None)) is not None]
