"""What the training loop does differently for models of different libraries."""

from __future__ import annotations

from typing import Any, Protocol

import keras

from trimtab.models import keras_graph
from trimtab.train import determinism


class Library(Protocol):
    """Keras 3, or another library with Keras' interface.

    Attributes:
        api: The module that losses, metrics, optimizers and callbacks are of.
    """

    api: Any

    def build(self, model: Any, batch: Any) -> None:
        """Creates the variables of the optimizer and the metrics of a compiled model.

        Args:
            model: The model.
            batch: What a training batch looks like: specifications of its tensors.
        """

    def variables(self, model: Any) -> dict[str, list[Any]]:
        """Returns every variable that a step of training reads or changes, by kind; ``model`` is one."""

    def reseed(self, model: Any, seed: int, epoch: int) -> None:
        """Sets every random generator of a model from the seed and the epoch alone."""

    def fingerprint(self, model: Any) -> str:
        """Returns what tells a model's architecture from another."""


class Keras3:
    """See ``Library``."""

    api = keras

    def build(self, model: keras.Model, batch: Any) -> None:
        """See ``Library.build``."""
        keras_graph.build_variables(model, batch)

    def variables(self, model: keras.Model) -> dict[str, list[Any]]:
        """See ``Library.variables``; seed generators are among a model's own."""
        return {
            "model": list(model.variables),
            "optimizer": list(model.optimizer.variables),
            "metric": list(model.metrics_variables),
        }

    def reseed(self, model: keras.Model, seed: int, epoch: int) -> None:
        """See ``Library.reseed``."""
        determinism.reseed(model, seed, epoch)

    def fingerprint(self, model: keras.Model) -> str:
        """See ``Library.fingerprint``."""
        text: str = model.to_json()
        return text


KERAS = Keras3()
