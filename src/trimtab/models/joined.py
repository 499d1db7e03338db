"""A branch for each of several inputs, joined: images, texts and columns of a table in one model."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from trimtab.models import cnn, id_bag, mlp, text_cnn
from trimtab.models.head import OUTPUT_NAME, output
from trimtab.models.spec import InputSpec, ModelSpec

KINDS = ("named",)
_BRANCHES = {"tabular": mlp, "image": cnn, "audio": cnn, "text": text_cnn, "ids": id_bag}
"""What a kind of input goes through: the built-in architecture for it alone, but for its last layer."""


def build(hp: HyperParameters, spec: ModelSpec) -> keras.Model:
    """Returns branches → Concatenate → Dense → ReLU → Dropout.

    Args:
        hp: ``units`` and ``dropout`` behind the branches; before a name of a branch's own, such as
            ``filters``, there is its input's and a slash: ``image/filters``.
        spec: Several inputs.
    """
    units = hp.Int("units", 16, 256, sampling="log", default=64)
    dropout = hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.1)
    inputs = [keras.Input(each.shape, dtype=each.dtype, name=name) for name, each in spec.inputs.items()]
    branches = [
        _branch(hp, name, each, spec, given)
        for given, (name, each) in zip(inputs, spec.inputs.items(), strict=True)
    ]
    x = layers.Concatenate(name="join")(branches)
    x = layers.Dense(units, name="joined")(x)
    x = layers.ReLU(name="joined_relu")(x)
    if dropout:
        x = layers.Dropout(dropout, name="joined_dropout")(x)
    return keras.Model(inputs, output(x, spec), name="joined")


def _branch(hp: HyperParameters, name: str, given: InputSpec, spec: ModelSpec, tensor: Any) -> Any:
    """Returns the features of an input, ``(batch, features)``."""
    alone = ModelSpec(given.kind, spec.task, given.shape, given.dtype, spec.outputs, given.vocabulary_size)
    with hp.name_scope(name):
        whole = _BRANCHES[given.kind].build(hp, alone)
    branch = keras.Model(whole.inputs, whole.get_layer(OUTPUT_NAME).input)

    def renamed(layer: keras.Layer) -> keras.Layer:
        return type(layer).from_config({**layer.get_config(), "name": f"{name}_{layer.name}"})

    return keras.models.clone_model(branch, input_tensors=[tensor], clone_function=renamed).output
