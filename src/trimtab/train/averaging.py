"""The average of the weights over the steps, which is judged and kept in the place of the last step's.

What a step learns of noise differs from step to step, and what it learns of the data does not: an average
over steps has less of the noise (B. Polyak and A. Juditsky, "Acceleration of Stochastic Approximation by
Averaging", 1992). Keras' optimizers keep an exponential one among their variables, so a checkpoint has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from trimtab.config.train import Train
from trimtab.train import variables


def momentum(train: Train, steps: int) -> float | None:
    """Returns what is left of the average at each step; None: there is none.

    Args:
        train: The ``train`` section.
        steps: Of the whole training.
    """
    return 1 - 1 / max(1.0, train.average * steps) if train.average else None


class Averaging(keras.callbacks.Callback):  # type: ignore[misc]
    """Validates a model by the average of its weights, and trains on from those of the last step.

    Attributes:
        judged: All weights of the last validation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.judged: list[np.ndarray] = []
        self._last_step: Sequence[np.ndarray] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Goes on from the last step: where a fit ends, Keras leaves the average in the model."""
        self._put_back()

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Puts the average into the model."""
        self._last_step = variables.weights(self.model)
        average(self.model)
        self.judged = variables.weights(self.model)

    def on_test_end(self, logs: Any = None) -> None:  # noqa: ARG002
        """Puts the last step's weights back."""
        self._put_back()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Remembers where to go on from."""
        self._last_step = variables.weights(self.model)

    def _put_back(self) -> None:
        if self._last_step:
            variables.set_weights(self.model, self._last_step)
            self._last_step = []


def average(model: keras.Model) -> None:
    """Leaves the average in a model that was trained, in the place of the last step's weights."""
    model.optimizer.finalize_variable_values(model.trainable_variables)
