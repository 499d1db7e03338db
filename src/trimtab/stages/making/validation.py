"""What a candidate's files cost on validation examples: that chooses among the ways to calibrate them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from trimtab.batch import INPUT, OUTPUT, Batch
from trimtab.data.dataset.dataset import Dataset
from trimtab.tasks.registry import task

Predict = Callable[[Batch], Batch]

_LEAST, _MOST, _MACS = 100, 1_000, 2e10
"""Examples; and multiply-accumulates that a file may take for all of them, which is a second or two."""


def costs(data: Dataset, seed: int, macs: int) -> Callable[[Predict, Predict], tuple[float, ...]] | None:
    """Returns what says what a model costs, or None where there are no validation examples.

    First the task's own metric, and between equals the mean squared distance from the answers of the model
    in floats. No test example is seen.

    Args:
        data: The dataset, with its validation split.
        seed: The run's.
        macs: Multiply-accumulates of one example.
    """
    if not data.rows["validation"]:
        return None
    schema, judging = data.schema, task(data.schema.task).judging
    x, y = data.sample("validation", int(np.clip(_MACS // max(macs, 1), _LEAST, _MOST)), seed)
    expected: list[np.ndarray] = []

    def cost_of(predict: Predict, floats: Predict) -> tuple[float, ...]:
        if not expected:
            expected.append(floats(x)[OUTPUT])
        outputs = predict(x)[OUTPUT]
        if not np.isfinite(outputs).all():
            return math.inf, math.inf
        answers = judging.answers(x[INPUT], outputs)
        own_schema = schema.with_thresholds(judging.thresholds(answers, y, schema))
        value = judging.quality(answers, y, own_schema).metrics.get(judging.headline.metric, math.nan)
        cost = 0.0 if math.isnan(value) else judging.headline.cost(value)
        return cost, float(np.square(outputs - expected[0]).mean())

    return cost_of
