"""16-bit float weights, computed in 32 bits: half the size, nearly the same outputs.

Source: https://ai.google.dev/edge/litert/models/post_training_float16_quant
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from trimtab.compress.base import Context
from trimtab.compress.convert import convert
from trimtab.compress.flatbuffer import float16_constants
from trimtab.config.recipes import Float16
from trimtab.errors import CompressionError

if TYPE_CHECKING:
    import keras


def float16(model: keras.Model, params: Float16, context: Context) -> bytes:
    """Returns a flatbuffer whose weights are 16-bit floats.

    Args:
        model: A Keras model.
        params: Nothing to set.
        context: Not needed.

    Raises:
        CompressionError: If LiteRT cannot take the model, or if no weight became smaller.
    """
    del params, context

    def configure(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    flatbuffer = convert(model, configure)
    if not float16_constants(flatbuffer):
        raise CompressionError("the model has no weights that 16-bit floats could hold", field=model.name)
    return flatbuffer
