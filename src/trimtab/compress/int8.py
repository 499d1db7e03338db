"""8-bit weights and activations, with ranges calibrated on training examples.

Kernels get a scale per output channel, activations one per tensor; operators without an 8-bit kernel stay in
float, and so do the model's input and output. Source:
https://ai.google.dev/edge/litert/models/post_training_integer_quant
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from trimtab.compress.base import Context
from trimtab.compress.convert import convert
from trimtab.compress.flatbuffer import int8_operators
from trimtab.config.recipes import Int8
from trimtab.errors import CompressionError

if TYPE_CHECKING:
    import keras


def int8(model: keras.Model, params: Int8, context: Context) -> bytes:
    """Returns a flatbuffer that computes in 8-bit integers wherever LiteRT can.

    Args:
        model: A Keras model.
        params: How many training examples set the ranges.
        context: Gives those examples; never validation or test ones.

    Raises:
        CompressionError: If LiteRT cannot take the model, or if no operator was quantized.
    """
    examples = context.calibration(params.calibration_examples)

    def representative() -> Iterator[list[np.ndarray]]:
        for index in range(len(examples)):
            yield [examples[index : index + 1]]

    def configure(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]

    flatbuffer = convert(model, configure)
    if not int8_operators(flatbuffer):
        raise CompressionError("no operator was quantized", field=model.name)
    return flatbuffer
