"""Builders of models with several named inputs."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from trimtab.models.spec import ModelSpec


def joined(hp: Any, spec: ModelSpec) -> keras.Model:
    """Returns a model whose inputs are in another order than the data's."""
    del hp
    size, rest = (keras.Input(spec.inputs[name].shape, name=name) for name in ("size", "rest"))
    branch = layers.Dense(48, use_bias=False, name="of_size")(size)
    branch = layers.BatchNormalization(momentum=0.5, name="normalized")(branch)
    branch = layers.ReLU(name="relu")(branch)
    x = layers.Concatenate(name="both")([branch, layers.Dense(48, activation="relu", name="of_rest")(rest)])
    x = layers.Dense(96, activation="relu", name="hidden")(x)
    answers = layers.Dense(spec.outputs, activation="softmax", name="answer")(x)
    return keras.Model({"size": size, "rest": rest}, answers, name="joined")


def misnamed(hp: Any, spec: ModelSpec) -> keras.Model:
    """Returns a model with inputs that the data has not."""
    del hp
    inputs = [keras.Input(each.shape, name=f"{name}_in") for name, each in spec.inputs.items()]
    x = layers.Concatenate(name="both")(inputs)
    return keras.Model(inputs, layers.Dense(spec.outputs, activation="softmax", name="answer")(x))


def single(hp: Any, spec: ModelSpec) -> keras.Model:
    """Returns a model of one input."""
    del hp
    name, only = next(iter(spec.inputs.items()))
    given = keras.Input(only.shape, name=name)
    return keras.Model(given, layers.Dense(spec.outputs, activation="softmax", name="answer")(given))


def turned(hp: Any, spec: ModelSpec) -> keras.Model:
    """Returns a model whose outputs are in another order than the data's labels."""
    del hp
    given = keras.Input(spec.input_shape)
    weight = layers.Dense(spec.answers["weight"].outputs, name="weight")(given)
    species = layers.Dense(spec.answers["species"].outputs, activation="softmax", name="species")(given)
    return keras.Model(given, [weight, species])


def unnamed_answers(hp: Any, spec: ModelSpec) -> keras.Model:
    """Returns a model whose outputs have names of their own."""
    del hp
    given = keras.Input(spec.input_shape)
    return keras.Model(given, [layers.Dense(2, name="first")(given), layers.Dense(1, name="second")(given)])


def one_answer(hp: Any, spec: ModelSpec) -> keras.Model:
    """Returns a model of one output."""
    del hp
    given = keras.Input(spec.input_shape)
    return keras.Model(given, layers.Dense(spec.outputs, name="answer")(given))
