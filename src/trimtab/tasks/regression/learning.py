"""A linear head, and the absolute error: what a regression is judged by, unless the config limits others.

Squared errors are ruled by the few rows of large labels, of which prices and costs have some.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trimtab.config.errors_learnt import ONLY
from trimtab.tasks.base import Errors
from trimtab.tasks.regression.judging import HEADLINE


class Learning:
    """See ``base.Learning``."""

    takes_class_weights = False
    one_tells_two = False
    loss_weights: list[float] | None = None

    def output(self, x: Any, outputs: int, name: str) -> Any:
        """Returns standardized values."""
        return keras.layers.Dense(outputs, activation="linear", dtype="float32", name=name)(x)

    def adapted(self, model: keras.Model, outputs: int) -> keras.Model:  # noqa: ARG002
        """See ``base.Learning.adapted``."""
        return model

    def objection(self, y: NDArray[np.float64]) -> tuple[str, str] | None:  # noqa: ARG002
        """See ``base.Learning.objection``."""
        return None

    def labels(self, x: Any, y: Any) -> Any:  # noqa: ARG002
        """Returns the labels."""
        return y

    def loss(self, api: Any, *, soft: bool = False, errors: Errors = None) -> Any:  # noqa: ARG002
        """Returns the mean of errors, by default of absolute ones; a soft label is a number as well."""
        error = (errors or {}).get(ONLY, "absolute")
        if error == "squared":
            return api.losses.MeanSquaredError()
        return api.losses.Huber() if error == "huber" else api.losses.MeanAbsoluteError()

    def metrics(self, api: Any, *, soft: bool = False) -> list[Any]:  # noqa: ARG002
        """See ``base.Learning.metrics``."""
        return [api.metrics.MeanAbsoluteError(name=HEADLINE.metric)]

    def softened(self, answers: Any, temperature: float, y: Any) -> Any:  # noqa: ARG002
        """Returns the values."""
        return tf.reshape(answers, [-1])

    def mixable(self, y: Any, outputs: int) -> Any:  # noqa: ARG002
        """Returns them as they are."""
        return y
