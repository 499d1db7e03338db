"""A toy architecture: one layer. It is what adding an architecture takes: this file, and one line."""

from __future__ import annotations

import keras
from keras import layers
from keras_tuner import HyperParameters

from trimtab.models.head import output
from trimtab.models.spec import ModelSpec

KINDS = ("tabular",)


def build(hp: HyperParameters, spec: ModelSpec) -> keras.Model:
    """Returns a layer of ``units`` on the columns."""
    inputs = keras.Input(spec.input_shape, name="features")
    hidden = layers.Dense(hp.Int("units", 4, 32, default=8), activation="relu", name="hidden")(inputs)
    return keras.Model(inputs, output(hidden, spec), name="toy")
