"""Labelled training examples for what asks how the loss changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from trimtab.batch import fed
from trimtab.data.dataset.dataset import Dataset
from trimtab.tasks.joint.learning import in_one
from trimtab.tasks.of_labels import meant

Labelled = tuple[Any, Any, Callable[[Any, Any], Any]]


def labelled(data: Dataset, seed: int, errors: Mapping[str, str]) -> Callable[[int], Labelled]:
    """Returns what draws ``n`` training examples: ``(examples, labels as the loss takes them, loss)``.

    Args:
        data: The dataset, with its training split.
        seed: The run's.
        errors: By which numbers are learnt, as ``TrainSettings`` has them.
    """
    learning = meant(data.schema).learning

    def draw(n: int) -> Labelled:
        x, y = data.sample("train", n, seed)
        inputs = fed(x)
        labels = keras.tree.map_structure(np.asarray, learning.labels(inputs, y))
        return inputs, labels, in_one(learning.loss(keras, errors=errors), learning.loss_weights)

    return draw
