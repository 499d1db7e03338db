"""Batch-norm statistics of the model as it is, and not as it was before it was cut.

A cut changes what reaches a batch normalization; its mean and variance are still those of the whole model,
and right after the cut its answers are next to chance. They are measured again, on training examples and
without any training (Li et al., "EagleEye: Fast Sub-net Evaluation for Efficient Neural Network Pruning",
2020).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np

from trimtab.batch import examples_in, in_parts
from trimtab.compress.base import Context
from trimtab.models import keras_graph

MOST_EXAMPLES = 2_048
BATCH = 256
_MOST_BYTES = 2**27
"""Of the examples; those of large images are fewer."""

_Statistics = dict[str, list[np.ndarray]]
"""Mean and variance by the name of a batch normalization."""


def recalibrate(model: keras.Model, context: Context) -> None:
    """Sets the statistics of a model's batch normalizations, in place, to those of training examples.

    Args:
        model: A flat functional Keras model; one without batch normalizations stays as it is.
        context: Gives the examples.
    """
    if normalizations(model):
        _assign(model, measured(model, context.calibration(_count(model))))


def recalibrate_where_better(model: keras.Model, context: Context) -> None:
    """The same, where the loss on validation examples is smaller for it; without any, nothing is changed.

    Args:
        model: A flat functional Keras model.
        context: Gives the examples, and judges.
    """
    judge = context.validation_loss
    if judge is None or not normalizations(model):
        return
    before, loss = _statistics(model), judge(model)
    recalibrate(model, context)
    recalibrated = judge(model)
    if recalibrated < loss:
        context.say(f"batch-norm statistics measured again: validation loss {loss:.4f} → {recalibrated:.4f}")
    else:
        _assign(model, before)


def normalizations(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Returns the batch normalizations of a flat model."""
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def measured(model: keras.Model, examples: Any) -> _Statistics:
    """Returns mean and variance of what reaches each batch normalization, each behind ones that are right.

    Everything else computes as at inference: no dropout, no noise.

    Args:
        model: A flat functional Keras model, which has its own statistics afterwards.
        examples: Model-ready training examples, ``(n, *input_shape)``.
    """
    found: dict[str, list[tuple[np.ndarray, np.ndarray, int]]] = {}
    before = _statistics(model)
    with _of_the_batch(model):
        for batch in in_parts(examples, BATCH):
            watched = partial(_watched, count=examples_in(batch), found=found)
            keras_graph.run_through(model, batch, watched)
    _assign(model, before)
    return {name: _pooled(batches) for name, batches in found.items()}


def _watched(operation: Any, count: int, found: dict[str, list[Any]]) -> Callable[..., Any]:
    is_normalization = isinstance(operation, keras.layers.BatchNormalization)

    def call(*arguments: Any, **options: Any) -> Any:
        if "training" in options or is_normalization:
            options["training"] = is_normalization
        answer = operation(*arguments, **options)
        if is_normalization:
            mean, variance = operation.moving_mean, operation.moving_variance
            found.setdefault(operation.name, []).append((np.array(mean), np.array(variance), count))
        return answer

    return call


@contextmanager
def _of_the_batch(model: keras.Model) -> Iterator[None]:
    """Lets a call in training mode set the statistics to those of its batch alone, of frozen layers too."""
    layers = normalizations(model)
    settings = [(layer.momentum, layer.trainable) for layer in layers]
    for layer in layers:
        layer.momentum, layer.trainable = 0.0, True
    try:
        yield
    finally:
        for layer, (momentum, trainable) in zip(layers, settings, strict=True):
            layer.momentum, layer.trainable = momentum, trainable


def _pooled(batches: list[tuple[np.ndarray, np.ndarray, int]]) -> list[np.ndarray]:
    """Returns mean and variance over all batches: the variance within them and the one between them."""
    weights = np.array([count for *_, count in batches], np.float64)
    means, variances = (np.stack([batch[place] for batch in batches]).astype(np.float64) for place in (0, 1))
    mean = np.average(means, axis=0, weights=weights)
    variance = np.average(variances + (means - mean) ** 2, axis=0, weights=weights)
    return [mean.astype(np.float32), variance.astype(np.float32)]


def _statistics(model: keras.Model) -> _Statistics:
    return {
        layer.name: [np.array(layer.moving_mean), np.array(layer.moving_variance)]
        for layer in normalizations(model)
    }


def _assign(model: keras.Model, statistics: _Statistics) -> None:
    for layer in normalizations(model):
        mean, variance = statistics[layer.name]
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)


def _count(model: keras.Model) -> int:
    size = 4 * sum(math.prod(tensor.shape[1:]) for tensor in model.inputs)
    return int(np.clip(_MOST_BYTES // max(size, 1), 1, MOST_EXAMPLES))
