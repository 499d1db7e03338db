"""Keras 3 models as LiteRT flatbuffers: the one way in for every quantization method.

**Path.** The forward pass is traced once and its variables are frozen into constants: 0.1 to 0.3 s for a
small convnet, against 0.6 to 1.2 s through an exported SavedModel, for a file with the same operators. (A
concrete function handed over *together with* its Keras 3 model is no way: the converter then keeps the
variables as resources, does not fold batch norm, and the file runs four times slower.)

**Batch.** It is fixed to one example, as the model is served and measured: every shape is static, so that
reshapes fold away, LSTM and GRU loops convert (with a dynamic batch they do not), the file is about 1 KB
smaller, and runtimes that refuse dynamic shapes can take it. A dynamic batch gains nothing in return: batches
of 64 cost as much per example (29 against 28 µs on a small convnet, 255 against 281 µs on ResNet-8).

Inputs and outputs are float32 (int32 tokens for text), whatever is inside.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from trimtab.compress import flatbuffer as litert
from trimtab.compress.quiet import quiet
from trimtab.errors import CompressionError

FLOAT_TOLERANCE = 1e-4


def convert(model: keras.Model, configure: Callable[[Any], None] | None = None) -> bytes:
    """Returns a model as the content of a ``.tflite`` file that needs built-in operators alone.

    Args:
        model: A model of one input ``(batch, *input_shape)`` and one output ``(batch, outputs)``.
        configure: Sets the quantization on the ``tf.lite.TFLiteConverter``.

    Raises:
        CompressionError: If the model has an operation that LiteRT has no kernel for.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise CompressionError(
            f"expected one input and one output, found {len(model.inputs)} and {len(model.outputs)}",
            field=model.name,
        )
    source = model.inputs[0]
    signature = tf.TensorSpec((1, *source.shape[1:]), source.dtype, name="input")
    with quiet() as noise:
        try:
            traced = tf.function(lambda x: model(x, training=False)).get_concrete_function(signature)
            converter = tf.lite.TFLiteConverter.from_concrete_functions([traced])
            if configure is not None:
                configure(converter)
            return cast(bytes, converter.convert())
        # The converter raises its own ConverterError, but also ValueError, RuntimeError and bare Exceptions.
        except Exception as error:
            raise CompressionError(reason(f"{error}\n{noise()}"), field=model.name) from error


def compare(model: keras.Model, flatbuffer: bytes, x: np.ndarray) -> float:
    """Returns the largest absolute difference between a model's outputs and its flatbuffer's.

    Args:
        model: The Keras model.
        flatbuffer: What it was converted to.
        x: Model-ready examples, ``(batch, *input_shape)``.
    """
    expected = np.asarray(model(x, training=False))
    return float(np.max(np.abs(expected - litert.outputs(flatbuffer, x))))


def reason(text: str) -> str:
    """Returns why a conversion failed, in one sentence.

    Args:
        text: The converter's error and whatever it wrote meanwhile.
    """
    listed = ",".join(re.findall(r"(?:Flex|Custom) ops: ([^\n]+)", text))
    named = re.findall(r"'tf\.(\w+)' op", text) if not listed else re.split(r"[,\s]+", listed)
    missing = sorted({name for name in named if name})
    if missing:
        return f"LiteRT has no built-in kernel for {', '.join(missing)}"
    first = next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
    return f"LiteRT cannot convert this model: {first[:300]}"
