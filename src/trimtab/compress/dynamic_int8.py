"""8-bit weights, with activations quantized on the fly: no calibration, integer kernels for heavy operators.

LiteRT leaves tensors of fewer than 1,024 weights in float.

Source: https://ai.google.dev/edge/litert/models/post_training_quant
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from trimtab.compress.base import Context
from trimtab.compress.convert import convert
from trimtab.compress.flatbuffer import int8_operators
from trimtab.config.recipes import DynamicInt8
from trimtab.errors import CompressionError

if TYPE_CHECKING:
    import keras


def dynamic_int8(model: keras.Model, params: DynamicInt8, context: Context) -> bytes:
    """Returns a flatbuffer whose larger kernels are 8-bit integers.

    Args:
        model: A Keras model.
        params: Nothing to set.
        context: Not needed.

    Raises:
        CompressionError: If LiteRT cannot take the model, or if no operator was quantized.
    """
    del params, context

    def configure(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    flatbuffer = convert(model, configure)
    if not int8_operators(flatbuffer):
        raise CompressionError(
            "no operator was quantized: LiteRT leaves kernels of fewer than 1,024 weights in float",
            field=model.name,
            hint="Use int8 for a model this small.",
        )
    return flatbuffer
