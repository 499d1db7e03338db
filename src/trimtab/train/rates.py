"""Layers that learn slower than others, or not at all, or later: what a trained model knows is kept longer.

Both are in the optimizer's steps, as numbers that the step's count decides: a training that was interrupted
goes on with the same bits, and the moment where layers begin to learn is nothing that it could miss.

Source: Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", 2018 (rates by
layer, gradual unfreezing); Keras' guide on transfer learning (normalizations keep their statistics).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from trimtab.config.train import Train
from trimtab.models.keras_graph import calls, place_of
from trimtab.train.optimizer import is_spared


@contextlib.contextmanager
def frozen(model: Any, train: Train) -> Iterator[None]:
    """Lets no layer below the last ones be trained in the block, where none ever is.

    Where they are to learn later, normalizations of a batch stay as they are all the same: a model's
    statistics are worth more than those of a few rows.

    Args:
        model: A functional Keras 3 model.
        train: The ``train`` section.
    """
    held: list[Any] = []
    if train.freeze:
        last = _last(model)
        held = [
            layer
            for layer in model.layers
            if layer.trainable
            and not any(layer is one for one in last)
            and (train.unfreeze_after is None or isinstance(layer, keras.layers.BatchNormalization))
        ]
    for layer in held:
        layer.trainable = False
    try:
        yield
    finally:
        for layer in held:
            layer.trainable = True


def by_layer(optimizer: Any, model: Any, train: Train, steps_per_epoch: int) -> Any:
    """Returns an optimizer whose steps, and whose decay of weights, are as large as the layer's share.

    Args:
        optimizer: A new optimizer.
        model: The functional model that it is for, in ``frozen``.
        train: The ``train`` section.
        steps_per_epoch: Batches in an epoch.
    """
    later = round((train.unfreeze_after or 0) * steps_per_epoch)
    if not later and train.first_layer_rate == 1:
        return optimizer
    shares = _shares(model, train.first_layer_rate)
    at_once = {id(weight) for layer in _last(model) for weight in layer.weights}
    weights = [
        _Weight(
            shares.get(id(weight), 1.0),
            later if id(weight) not in at_once else 0,
            0.0 if is_spared(weight.path) else train.weight_decay,
        )
        for weight in model.trainable_variables
    ]
    step, optimizer.weight_decay = optimizer.update_step, None

    def update_step(gradient: Any, variable: Any, learning_rate: Any) -> None:
        weight = weights[place_of(optimizer, variable)]
        learns = keras.ops.cast(optimizer.iterations >= weight.later, variable.dtype)
        rate = keras.ops.cast(learning_rate, variable.dtype) * weight.share * learns
        if weight.decay:
            optimizer.assign_sub(variable, variable * weight.decay * rate)
        step(gradient, variable, rate)

    optimizer.update_step = update_step
    return optimizer


@dataclass(frozen=True)
class _Weight:
    """How a weight learns.

    Attributes:
        share: Of the learning rate.
        later: The first step that changes it.
        decay: Of the weight, times the rate.
    """

    share: float
    later: int
    decay: float


def _shares(model: Any, first: float) -> dict[int, float]:
    """Returns the share of each weight's layer, by the weight's identity."""
    layers = [layer for layer in _operations(model) if getattr(layer, "weights", None)]
    most = max(len(layers) - 1, 1)
    return {
        id(weight): first ** ((len(layers) - 1 - place) / most)
        for place, layer in enumerate(layers)
        for weight in layer.weights
    }


def _operations(model: Any) -> list[Any]:
    """Returns the operations of a model in the order in which they are first called."""
    return list({id(call.operation): call.operation for call in calls(model)}.values())


def _last(model: Any) -> list[Any]:
    """Returns the layers with weights behind which no other has any."""
    makers = {id(tensor): call for call in calls(model) for tensor in call.outputs}
    found, ahead = dict[int, Any](), list(model.outputs)
    while ahead:
        call = makers[id(ahead.pop())]
        if getattr(call.operation, "weights", None):
            found[id(call.operation)] = call.operation
        else:
            ahead.extend(call.input_tensors)
    return list(found.values())
