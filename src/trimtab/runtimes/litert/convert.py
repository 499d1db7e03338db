"""Keras 3 models as LiteRT flatbuffers: the one way in for every quantization method.

**Path.** The forward pass is traced once and its variables are frozen into constants: 0.1 to 0.3 s for a
small convnet, against 0.6 to 1.2 s through an exported SavedModel, for a file with the same operators. (A
concrete function handed over *together with* its Keras 3 model is no way: the converter then keeps the
variables as resources, does not fold batch norm, and the file runs four times slower.)

**Batch.** It is fixed to one example, as the model is served and measured: every shape is static, so that
reshapes fold away, LSTM and GRU loops convert (with a dynamic batch they do not), the file is about 1 kB
smaller, and runtimes that refuse dynamic shapes can take it. A dynamic batch gains nothing in return: batches
of 64 cost as much per example (29 against 28 µs on a small convnet, 255 against 281 µs on ResNet-8).

Inputs and outputs are float32 (int32 tokens for text), whatever is inside. Their names stand in a signature,
which the converter leaves out on this path: see ``signature``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from trimtab.errors import CompressionError
from trimtab.models.autograph import without_autograph
from trimtab.models.tensors import apply, input_names, output_names
from trimtab.quiet import quiet
from trimtab.runtimes.litert.signature import signed
from trimtab.runtimes.litert.words import reason


def convert(model: keras.Model, configure: Callable[[Any], None] | None = None) -> bytes:
    """Returns a model as the content of a ``.tflite`` file that needs built-in operators alone.

    Args:
        model: A Keras model, of Keras 3 or of tf_keras.
        configure: Sets the quantization on the ``tf.lite.TFLiteConverter``.

    Raises:
        CompressionError: If the model has an operation that LiteRT has no kernel for.
    """
    specs = [
        tf.TensorSpec((1, *source.shape[1:]), source.dtype, name=name)
        for name, source in zip(input_names(model), model.inputs, strict=True)
    ]

    @without_autograph
    def answer(*x: tf.Tensor) -> Any:
        return apply(model, x)

    def build() -> bytes:
        traced = tf.function(answer, autograph=False).get_concrete_function(*specs)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([traced])
        if configure is not None:
            configure(converter)
        return bytes(converter.convert())

    return sign(model, build)


def sign(model: keras.Model, make: Callable[[], bytes]) -> bytes:
    """Returns what the converter makes of a model, with the names of inputs and outputs.

    Args:
        model: A Keras model.
        make: Runs the converter, or a part of it.

    Raises:
        CompressionError: If it fails.
    """
    with quiet() as noise:
        try:
            return signed(make(), input_names(model), output_names(model))
        # The converter raises its own ConverterError, but also ValueError, RuntimeError and bare Exceptions.
        except Exception as error:
            raise CompressionError(reason(f"{error}\n{noise()}"), field=model.name) from error
