"""What TFMOT does not publish and we use all the same: a class, and the names of its variables."""

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
