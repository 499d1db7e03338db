"""A sigmoid head, and binary cross-entropy."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trimtab.tasks.base import Errors
from trimtab.tasks.multilabel.judging import HEADLINE, USUAL_THRESHOLD

_SMALLEST = 1e-7


class Learning:
    """See ``base.Learning``."""

    takes_class_weights = False
    one_tells_two = False
    loss_weights: list[float] | None = None

    def output(self, x: Any, outputs: int, name: str) -> Any:
        """Returns a probability for each label."""
        return keras.layers.Dense(outputs, activation="sigmoid", dtype="float32", name=name)(x)

    def adapted(self, model: keras.Model, outputs: int) -> keras.Model:  # noqa: ARG002
        """See ``base.Learning.adapted``."""
        return model

    def objection(self, y: NDArray[np.float64]) -> tuple[str, str] | None:
        """See ``base.Learning.objection``."""
        if y.min() >= -1e-6 and y.max() <= 1 + 1e-6:
            return None
        return (
            f"expected a probability of each label, its outputs go from {y.min():.3g} to {y.max():.3g}",
            "End the model with a sigmoid.",
        )

    def labels(self, x: Any, y: Any) -> Any:  # noqa: ARG002
        """Returns the labels."""
        return y

    def loss(self, api: Any, *, soft: bool = False, errors: Errors = None) -> Any:  # noqa: ARG002
        """Returns binary cross-entropy, the mean over the labels; a soft label is a probability as well."""
        return api.losses.BinaryCrossentropy()

    def metrics(self, api: Any, *, soft: bool = False) -> list[Any]:  # noqa: ARG002
        """See ``base.Learning.metrics``; at a threshold of a half, as others are not chosen yet."""
        return [api.metrics.MeanMetricWrapper(_sample_f1, name=HEADLINE.metric)]

    def softened(self, answers: Any, temperature: float, y: Any) -> Any:  # noqa: ARG002
        """Returns the probabilities of logits that are divided by the temperature."""
        clipped = tf.clip_by_value(answers, _SMALLEST, 1 - _SMALLEST)
        return tf.sigmoid((tf.math.log(clipped) - tf.math.log1p(-clipped)) / temperature)

    def mixable(self, y: Any, outputs: int) -> Any:  # noqa: ARG002
        """Returns them as they are."""
        return y


def _sample_f1(y_true: Any, y_pred: Any) -> Any:
    """Returns the F1 score of each example, ``(batch,)``."""
    truly, told = (tf.cast(y >= USUAL_THRESHOLD, tf.float32) for y in (y_true, y_pred))
    both = tf.reduce_sum(truly, axis=-1) + tf.reduce_sum(told, axis=-1)
    return tf.where(both > 0, 2 * tf.reduce_sum(truly * told, axis=-1) / tf.maximum(both, 1), 1.0)
