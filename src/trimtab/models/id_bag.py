"""Ids as the mean of their vectors, and a layer behind it: what a user or a basket is alone."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops
from keras_tuner import HyperParameters

from trimtab.errors import ModelError
from trimtab.models.head import output
from trimtab.models.spec import InputSpec, ModelSpec

KINDS = ("ids",)


def build(hp: HyperParameters, spec: ModelSpec) -> keras.Model:
    """Returns Embedding → mean over the ids → Dense → ReLU → Dropout.

    Args:
        hp: ``embedding`` (size of an id's vector), ``units`` and ``dropout``.
        spec: An input of ``(max ids,)`` numbers below ``vocabulary_size``; 0 is no id.

    Raises:
        ModelError: If the data does not say how many ids there are.
    """
    size = hp.Int("embedding", 4, 128, sampling="log", default=16)
    units = hp.Int("units", 16, 256, sampling="log", default=64)
    dropout = hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.1)
    ((_, given),) = spec.inputs.items()
    numbers = keras.Input(spec.input_shape, dtype=spec.input_dtype, name="ids")
    x = layers.Dense(units, name="dense")(mean_vector(numbers, given, size))
    x = layers.ReLU(name="relu")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(numbers, output(x, spec), name="id_bag")


def mean_vector(numbers: Any, given: InputSpec, size: int, name: str = "embedding") -> Any:
    """Returns the mean of the vectors of each row's ids, ``(batch, size)``; zeros where there is none.

    Args:
        numbers: ``(batch, max ids)``; 0 is padding.
        given: The input.
        size: Of a vector.
        name: The embedding's.

    Raises:
        ModelError: If the data does not say how many ids there are.
    """
    if given.vocabulary_size is None:
        raise ModelError("the data does not say how many ids there are", field=name)
    vectors = layers.Embedding(given.vocabulary_size, size, name=name)(numbers)
    if given.shape == (1,):
        return layers.Flatten(name=f"{name}_flat")(vectors)
    known = ops.cast(ops.not_equal(numbers, 0), vectors.dtype)
    total = ops.sum(vectors * ops.expand_dims(known, -1), axis=1)
    return total / ops.maximum(ops.sum(known, axis=1, keepdims=True), 1)
