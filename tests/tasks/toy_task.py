"""A toy task: two classes, told by one probability. One file and a line of the registry make it one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from trimtab.config.data import Data
from trimtab.tasks import classification
from trimtab.tasks.base import Floats, LabelSummary, Target
from trimtab.tasks.metrics.base import View
from trimtab.tasks.quality import Quality


class Meaning(classification.Meaning):
    def is_likely(self, column: LabelSummary, config: Data) -> bool:
        return False

    def outputs(self, target: Target) -> int:
        return 1


class Learning:
    takes_class_weights = False
    one_tells_two = False
    loss_weights = None

    def output(self, x: Any, outputs: int, name: str) -> Any:
        import keras

        return keras.layers.Dense(outputs, activation="sigmoid", dtype="float32", name=name)(x)

    def adapted(self, model: Any, outputs: int) -> Any:
        return model

    def objection(self, y: np.ndarray) -> tuple[str, str] | None:
        is_share = y.min() >= 0 and y.max() <= 1
        return None if is_share else ("expected a probability", "End the model with a sigmoid.")

    def labels(self, x: Any, y: Any) -> Any:
        return y

    def loss(self, api: Any, *, soft: bool = False, errors: Mapping[str, str] | None = None) -> Any:
        return api.losses.BinaryCrossentropy()

    def metrics(self, api: Any, *, soft: bool = False) -> list[Any]:
        return [api.metrics.BinaryAccuracy(name="accuracy")]

    def softened(self, answers: Any, temperature: float, y: Any) -> Any:
        return answers[:, 0]

    def mixable(self, y: Any, outputs: int) -> Any:
        return np.asarray(y, np.float32)


class Judging(classification.Judging):
    def scores(self, outputs: Floats, labels: np.ndarray, target: Target, model_target: Target) -> np.ndarray:
        return super().scores(both(outputs), labels, target, model_target)

    def view(self, outputs: Floats, labels: np.ndarray, target: Target, model_target: Target) -> View:
        return super().view(both(outputs), labels, target, model_target)

    def quality(self, outputs: Floats, labels: np.ndarray, target: Target) -> Quality:
        return super().quality(both(outputs), labels, target)


class Words(classification.Words):
    output = "The output, the probability of the second class"

    def answers(self, outputs: Floats, target: Target) -> Iterator[dict[str, Any]]:
        return super().answers(both(outputs), target)


def both(outputs: Floats) -> Floats:
    """Returns the probabilities of both classes, ``(n, 2)``."""
    return np.concatenate([1 - outputs, outputs], axis=1)


class Toy:
    name = "toy"
    meaning, learning, judging, words = Meaning(), Learning(), Judging(), Words()


TASK = Toy()
