"""A multi-layer perceptron, for tables; images and spectrograms are flattened first."""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from trimtab.models.head import output
from trimtab.models.spec import ModelSpec
from trimtab.tasks.registry import task

KINDS = ("tabular", "image", "audio")


def build(hp: HyperParameters, spec: ModelSpec) -> keras.Model:
    """Returns Dense → ReLU → Dropout, a few times.

    Args:
        hp: ``layers`` (hidden layers), ``units`` (per hidden layer) and ``dropout``.
        spec: An input of any shape; it is flattened. For a table it is wider and deeper, as tables have few
            columns, and what they mean together has to be found. A regression drops nothing out: what is left
            has another scale at each step, and a number that is answered moves with it.
    """
    is_table = spec.kind == "tabular"
    depth = hp.Int("layers", 1, 4, default=3 if is_table else 2)
    units = hp.Int("units", 16, 512, sampling="log", default=256 if is_table else 64)
    dropout = hp.Float(
        "dropout", 0.0, 0.5, step=0.1, default=0.0 if task(spec.task).meaning.is_numeric else 0.1
    )
    inputs = keras.Input(spec.input_shape, dtype=spec.input_dtype, name="features")
    x = inputs if len(spec.input_shape) == 1 else layers.Flatten(name="flatten")(inputs)
    for i in range(1, depth + 1):
        x = layers.Dense(units, name=f"dense_{i}")(x)
        x = layers.ReLU(name=f"relu_{i}")(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"dropout_{i}")(x)
    return keras.Model(inputs, output(x, spec), name="mlp")
