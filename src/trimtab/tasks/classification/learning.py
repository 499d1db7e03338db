"""A softmax head, and cross-entropy."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trimtab.tasks.base import Errors
from trimtab.tasks.classification.binary import with_both_classes
from trimtab.tasks.classification.judging import HEADLINE


class Learning:
    """See ``base.Learning``."""

    takes_class_weights = True
    one_tells_two = True
    loss_weights: list[float] | None = None

    def output(self, x: Any, outputs: int, name: str) -> Any:
        """Returns softmax probabilities."""
        return keras.layers.Dense(outputs, activation="softmax", dtype="float32", name=name)(x)

    def adapted(self, model: keras.Model, outputs: int) -> keras.Model:
        """Returns a model that answers one probability for two classes as one that answers both."""
        if outputs == 2 and len(model.outputs) == 1:
            return with_both_classes(model) or model
        return model

    def objection(self, y: NDArray[np.float64]) -> tuple[str, str] | None:
        """See ``base.Learning.objection``."""
        sums = y.sum(axis=-1)
        if y.min() >= -1e-6 and np.abs(sums - 1).max() <= 1e-2:
            return None
        return (
            f"expected probabilities that sum to 1, its outputs sum to {sums[0]:.3g}",
            "End the model with a softmax layer.",
        )

    def labels(self, x: Any, y: Any) -> Any:  # noqa: ARG002
        """Returns the labels."""
        return y

    def loss(self, api: Any, *, soft: bool = False, errors: Errors = None) -> Any:  # noqa: ARG002
        """Returns cross-entropy on probabilities."""
        return api.losses.CategoricalCrossentropy() if soft else api.losses.SparseCategoricalCrossentropy()

    def metrics(self, api: Any, *, soft: bool = False) -> list[Any]:
        """See ``base.Learning.metrics``."""
        accuracy = api.metrics.CategoricalAccuracy if soft else api.metrics.SparseCategoricalAccuracy
        return [accuracy(name=HEADLINE.metric)]

    def softened(self, answers: Any, temperature: float, y: Any) -> Any:  # noqa: ARG002
        """See ``base.Learning.softened``."""
        softened = answers ** (1 / temperature)
        return softened / tf.reduce_sum(softened, axis=-1, keepdims=True)

    def mixable(self, y: Any, outputs: int) -> Any:
        """Returns a probability for every class."""
        return tf.one_hot(y, outputs)
