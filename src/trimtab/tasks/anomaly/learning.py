"""A linear head as wide as the input, and the error of repeating normal examples.

What is learnt from carries the label behind the input, ``(batch, values + 1)``: anomalies, which validation
has, count for nothing in the loss, and the metric tells them apart.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from trimtab.tasks.anomaly.judging import HEADLINE
from trimtab.tasks.base import Errors

_BINS = 16_384
_LEAST, _DECADES = 1e-8, 16.0
"""Errors are counted in bins of their logarithms, from the least one on."""


class Learning:
    """See ``base.Learning``."""

    takes_class_weights = False
    one_tells_two = False
    loss_weights: list[float] | None = None

    def output(self, x: Any, outputs: int, name: str) -> Any:
        """Returns the input, repeated."""
        return keras.layers.Dense(outputs, activation="linear", dtype="float32", name=name)(x)

    def adapted(self, model: keras.Model, outputs: int) -> keras.Model:
        """Returns a model that answers in the shape of its input as one that answers flat."""
        shape = model.outputs[0].shape[1:]
        if len(model.outputs) != 1 or len(shape) < 2 or None in shape or math.prod(shape) != outputs:
            return model
        return keras.Model(model.inputs[0], keras.layers.Flatten()(model.outputs[0]), name=model.name)

    def objection(self, y: NDArray[Any]) -> tuple[str, str] | None:  # noqa: ARG002
        """See ``base.Learning.objection``."""
        return None

    def labels(self, x: Any, y: Any) -> Any:
        """Returns inputs, flat, and behind them which are anomalies."""
        flat = tf.reshape(tf.cast(x, tf.float32), [tf.shape(x)[0], math.prod(x.shape[1:])])
        return tf.concat([flat, tf.cast(y, tf.float32)[:, None]], axis=1)

    def loss(self, api: Any, *, soft: bool = False, errors: Errors = None) -> Any:  # noqa: ARG002
        """Returns the mean squared error of normal examples."""
        return _error_of_normal_examples

    def metrics(self, api: Any, *, soft: bool = False) -> list[Any]:  # noqa: ARG002
        """Returns the ROC AUC; one half where there are no anomalies, as in training."""
        return [_area(api)]

    def softened(self, answers: Any, temperature: float, y: Any) -> Any:  # noqa: ARG002
        """Returns them, as of normal examples: a student repeats what its teacher does."""
        return tf.pad(answers, [[0, 0], [0, 1]])

    def mixable(self, y: Any, outputs: int) -> Any:  # noqa: ARG002
        """Returns them as they are."""
        return y


def _errors(y_true: Any, y_pred: Any) -> Any:
    y_true, y_pred = tf.cast(y_true, tf.float32), tf.cast(y_pred, tf.float32)
    return tf.reduce_mean(tf.square(y_true[:, :-1] - y_pred), axis=1)


def _error_of_normal_examples(y_true: Any, y_pred: Any) -> Any:
    return _errors(y_true, y_pred) * (1 - tf.cast(y_true[:, -1], tf.float32))


def _area(api: Any) -> Any:
    """Returns a metric of a library: the ROC AUC of errors in bins, ties a half."""

    class Area(api.metrics.Metric):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name=HEADLINE.metric)
            self.counts = self.add_weight(shape=(2 * _BINS,), initializer="zeros", name="counts")

        def reset_state(self) -> None:
            self.counts.assign(tf.zeros([2 * _BINS]))

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # noqa: ARG002
            decades = tf.math.log(tf.maximum(_errors(y_true, y_pred), _LEAST) / _LEAST) / math.log(10)
            bins = tf.cast(tf.minimum(decades / _DECADES * _BINS, _BINS - 1), tf.int32)
            places = bins + _BINS * tf.cast(y_true[:, -1] > 0, tf.int32)
            ones = tf.ones_like(decades)
            self.counts.assign_add(tf.math.unsorted_segment_sum(ones, places, 2 * _BINS))

        def result(self) -> Any:
            normal, anomalies = tf.unstack(tf.reshape(tf.convert_to_tensor(self.counts), [2, _BINS]))
            below = tf.cumsum(normal, exclusive=True) + normal / 2
            pairs = tf.reduce_sum(normal) * tf.reduce_sum(anomalies)
            return tf.where(pairs > 0, tf.reduce_sum(anomalies * below) / tf.maximum(pairs, 1), 0.5)

    return Area()
