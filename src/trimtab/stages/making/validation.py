"""What a model costs on validation examples: that chooses among the ways to calibrate its files, and more."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from trimtab.batch import Batch, answered, fed, in_parts
from trimtab.data.dataset.dataset import Dataset
from trimtab.tasks.of_labels import meant

if TYPE_CHECKING:
    import keras

Predict = Callable[[Batch], Batch]

_BATCH = 256
_LEAST, _MOST, _MACS = 100, 1_000, 2e10
"""Examples; and multiply-accumulates that a file may take for all of them, which is a second or two."""


def costs(data: Dataset, seed: int, macs: int) -> Callable[[Predict, Predict], tuple[float, ...]] | None:
    """Returns what says what a model costs, or None where there are no validation examples.

    First the task's own metric, in the unit of a loss against the model in floats, and between equals the
    mean squared distance from that model's answers. No test example is seen.

    Args:
        data: The dataset, with its validation split.
        seed: The run's.
        macs: Multiply-accumulates of one example.
    """
    if not data.rows["validation"]:
        return None
    schema, judging = data.schema, meant(data.schema).judging
    x, y = data.sample("validation", _count(macs), seed)
    expected: list[np.ndarray] = []

    def value_of(outputs: np.ndarray) -> float:
        answers = judging.answers(fed(x), outputs)
        own_schema = schema.with_thresholds(judging.thresholds(answers, y, schema))
        return float(judging.quality(answers, y, own_schema).metrics.get(judging.headline.metric, math.nan))

    @cache
    def scale() -> float:
        usual = judging.headline.scale(value_of(expected[0]))
        return usual if usual > 0 else 1.0

    def cost_of(predict: Predict, floats: Predict) -> tuple[float, ...]:
        if not expected:
            expected.append(answered(floats(x), schema.output_names))
        outputs = answered(predict(x), schema.output_names)
        if not np.isfinite(outputs).all():
            return math.inf, math.inf
        value = value_of(outputs)
        cost = 0.0 if math.isnan(value) else judging.headline.cost(value) / scale()
        return cost, float(np.square(outputs - expected[0]).mean())

    return cost_of


def loss(data: Dataset, seed: int, errors: Mapping[str, str]) -> Callable[[keras.Model], float] | None:
    """Returns what says how large a Keras model's loss is, or None where there are no validation examples.

    Args:
        data: The dataset, with its validation split.
        seed: The run's.
        errors: By which numbers are learnt, as ``TrainSettings`` has them.
    """
    if not data.rows["validation"]:
        return None
    import keras

    from trimtab.models import cost
    from trimtab.tasks.joint.learning import in_one

    learning = meant(data.schema).learning
    compared = in_one(learning.loss(keras, errors=errors), learning.loss_weights)
    sample = cache(lambda count: data.sample("validation", count, seed))

    def loss_of(model: keras.Model) -> float:
        x, y = sample(_count(cost.macs(model)))
        parts = in_parts(fed(x), _BATCH)
        each = [model(part, training=False) for part in parts]
        answers = keras.tree.map_structure(lambda *values: np.concatenate(values), *each)
        return float(np.mean(compared(learning.labels(fed(x), y), answers)))

    return loss_of


def _count(macs: int) -> int:
    """Returns how many examples a model of so many multiply-accumulates is judged by."""
    return int(np.clip(_MACS // max(macs, 1), _LEAST, _MOST))
