"""A softmax over the classes of each pixel, and the cross-entropy of those that count.

Outputs are flat, ``(batch, pixels * classes)``, as labels are, ``(batch, pixels)``: one divided by the other
is how many classes there are. Soft labels are probabilities, flat, and the true labels behind them.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trimtab.errors import ModelError
from trimtab.tasks.base import Errors
from trimtab.tasks.masks import IGNORED
from trimtab.tasks.segmentation.judging import HEADLINE

_SMALLEST = 1e-7
_VALUES = IGNORED + 1


class Learning:
    """See ``base.Learning``."""

    takes_class_weights = False
    one_tells_two = False
    loss_weights: list[float] | None = None

    def output(self, x: Any, outputs: int, name: str) -> Any:
        """Returns probabilities of each pixel's classes, flat.

        Args:
            x: Features of each pixel, ``(batch, height, width, n)``.
            outputs: Pixels times classes.
            name: Of the layer with the weights.

        Raises:
            ModelError: If the features are those of the image as a whole.
        """
        pixels = math.prod(x.shape[1:3]) if len(x.shape) == 4 else 0
        if not pixels or outputs % pixels:
            raise ModelError(
                "the architecture has one answer for an image; the task asks for one a pixel",
                field="model.architecture",
                hint="Use unet.",
            )
        x = keras.layers.Conv2D(outputs // pixels, 1, dtype="float32", name=name)(x)
        x = keras.layers.Softmax(dtype="float32", name=f"{name}_softmax")(x)
        return keras.layers.Flatten(dtype="float32", name=f"{name}_flat")(x)

    def adapted(self, model: keras.Model, outputs: int) -> keras.Model:
        """Returns a model that answers in the shape of the image as one that answers flat."""
        shape = model.outputs[0].shape[1:]
        if len(model.outputs) != 1 or len(shape) < 2 or None in shape or math.prod(shape) != outputs:
            return model
        return keras.Model(model.inputs[0], keras.layers.Flatten()(model.outputs[0]), name=model.name)

    def objection(self, y: NDArray[np.float64]) -> tuple[str, str] | None:
        """See ``base.Learning.objection``; a sum of probabilities is that of as many pixels as there are."""
        if y.min() >= -1e-6 and y.max() <= 1 + 1e-6:
            return None
        return (
            f"expected probabilities of each pixel's classes, its outputs go from {y.min():.3g} to "
            f"{y.max():.3g}",
            "End the model with a softmax over the last axis.",
        )

    def labels(self, x: Any, y: Any) -> Any:  # noqa: ARG002
        """Returns the class of each pixel, as a float."""
        return tf.cast(y, tf.float32)

    def loss(self, api: Any, *, soft: bool = False, errors: Errors = None) -> Any:  # noqa: ARG002
        """Returns the cross-entropy of each image: the mean over those of its pixels that count."""
        return _soft_cross_entropy if soft else _cross_entropy

    def metrics(self, api: Any, *, soft: bool = False) -> list[Any]:
        """See ``base.Learning.metrics``."""
        return [_mean_iou(api, soft=soft)]

    def softened(self, answers: Any, temperature: float, y: Any) -> Any:
        """Returns the probabilities of logits that are divided by the temperature, and the labels."""
        pixels = y.shape[-1]
        logits = tf.math.log(tf.clip_by_value(_by_pixel(answers, pixels), _SMALLEST, 1.0))
        probabilities = tf.nn.softmax(logits / temperature)
        return tf.concat([tf.reshape(probabilities, tf.shape(answers)), y], axis=1)

    def mixable(self, y: Any, outputs: int) -> Any:
        """Returns one for each pixel's class, flat, and the labels."""
        one_hot = tf.one_hot(tf.cast(y, tf.int32), outputs // y.shape[-1])
        return tf.concat([tf.reshape(one_hot, [-1, outputs]), tf.cast(y, tf.float32)], axis=1)


def _by_pixel(outputs: Any, pixels: int) -> Any:
    """Returns flat outputs as ``(batch, pixels, classes)``."""
    return tf.reshape(outputs, [-1, pixels, outputs.shape[-1] // pixels])


def _cross_entropy(y_true: Any, y_pred: Any) -> Any:
    y, pixels = tf.cast(y_true, tf.int32), y_true.shape[-1]
    probabilities = _by_pixel(tf.cast(y_pred, tf.float32), pixels)
    wanted = tf.one_hot(y, probabilities.shape[-1])  # of ignored pixels: nothing
    return _mean_over_counted(wanted, probabilities, y)


def _soft_cross_entropy(y_true: Any, y_pred: Any) -> Any:
    outputs = y_pred.shape[-1]
    y = tf.cast(tf.round(y_true[:, outputs:]), tf.int32)
    wanted, probabilities = (
        _by_pixel(tf.cast(each, tf.float32), y.shape[-1]) for each in (y_true[:, :outputs], y_pred)
    )
    return _mean_over_counted(wanted, probabilities, y)


def _mean_over_counted(wanted: Any, probabilities: Any, y: Any) -> Any:
    logarithms = tf.math.log(tf.clip_by_value(probabilities, _SMALLEST, 1.0))
    counted = tf.cast(y != IGNORED, tf.float32)
    losses = -tf.reduce_sum(wanted * logarithms, axis=-1) * counted
    return tf.reduce_sum(losses, axis=-1) / tf.maximum(tf.reduce_sum(counted, axis=-1), 1.0)


def _mean_iou(api: Any, *, soft: bool) -> Any:
    """Returns a metric of a library: the mean over classes that occur of the overlap over all images."""

    class MeanIou(api.metrics.Metric):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name=HEADLINE.metric)
            self.counts = self.add_weight(shape=(3 * _VALUES,), initializer="zeros", name="counts")

        def reset_state(self) -> None:
            self.counts.assign(tf.zeros([3 * _VALUES]))

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # noqa: ARG002
            y = y_true[:, y_pred.shape[-1] :] if soft else y_true
            y = tf.cast(tf.round(y), tf.int32)
            told = tf.argmax(_by_pixel(y_pred, y.shape[-1]), axis=-1, output_type=tf.int32)
            counted = y != IGNORED
            y, told = tf.boolean_mask(y, counted), tf.boolean_mask(told, counted)
            places = tf.concat([tf.boolean_mask(y, y == told), y + _VALUES, told + 2 * _VALUES], axis=0)
            ones = tf.ones_like(places, tf.float32)
            self.counts.assign_add(tf.math.unsorted_segment_sum(ones, places, 3 * _VALUES))

        def result(self) -> Any:
            hits, truly, findings = tf.unstack(tf.reshape(tf.convert_to_tensor(self.counts), [3, _VALUES]))
            overlap = hits / tf.maximum(truly + findings - hits, 1)
            there = tf.cast(truly > 0, tf.float32)
            return tf.reduce_sum(overlap * there) / tf.maximum(tf.reduce_sum(there), 1)

    return MeanIou()
