"""An autoencoder of dense layers, for tables; images and spectrograms are flattened first.

The one of MLPerf Tiny's anomaly detection, smaller by default (C. Banbury et al., "MLPerf Tiny Benchmark",
NeurIPS 2021).
"""

from __future__ import annotations

import math

import keras
from keras import layers
from keras_tuner import HyperParameters

from trimtab.errors import ModelError
from trimtab.models.head import output
from trimtab.models.spec import ModelSpec

KINDS = ("tabular", "image", "audio")
REPEATS_ITS_INPUT = True


def build(hp: HyperParameters, spec: ModelSpec) -> keras.Model:
    """Returns Dense → ReLU a few times, a narrow one, and the same in reverse.

    Args:
        hp: ``layers`` (on each side of the narrow one), ``units`` (in each of them) and ``bottleneck`` (in
            the narrow one).
        spec: An input of any shape, which is to be repeated.

    Raises:
        ModelError: If the task asks for something else than the input.
    """
    if spec.outputs != math.prod(spec.input_shape):
        raise ModelError(
            f"an autoencoder repeats its {math.prod(spec.input_shape)} values; "
            f"the task asks for {spec.outputs}",
            field="model.architecture",
            hint="Use it with data.task: anomaly.",
        )
    depth = hp.Int("layers", 1, 4, default=1)
    units = hp.Int("units", 16, 512, sampling="log", default=64)
    bottleneck = hp.Int("bottleneck", 2, 64, sampling="log", default=8)
    inputs = keras.Input(spec.input_shape, dtype=spec.input_dtype, name="features")
    x = inputs if len(spec.input_shape) == 1 else layers.Flatten(name="flatten")(inputs)
    for i, width in enumerate([*[units] * depth, bottleneck, *[units] * depth], 1):
        x = layers.Dense(width, name=f"dense_{i}")(x)
        x = layers.ReLU(name=f"relu_{i}")(x)
    return keras.Model(inputs, output(x, spec), name="autoencoder")
