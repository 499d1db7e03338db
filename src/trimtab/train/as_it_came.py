"""What a saved model is worth before anything is done to it, and whether it is fed what it expects."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.artifacts.model import AsItCame
from trimtab.batch import fed, in_parts
from trimtab.config.model import Model
from trimtab.data.dataset.dataset import Dataset
from trimtab.data.kinds.registry import input_kind
from trimtab.data.schema import DatasetSchema
from trimtab.errors import ModelError
from trimtab.tasks.of_labels import meant
from trimtab.tasks.registry import task

Array = NDArray[np.float32]
Predict = Callable[[Any], Array]
MOST_EXAMPLES = 2_000
_BATCH = 256
_DEVIATIONS = 3.0
"""A paired difference of so many standard errors is no chance, with as few ranges as are tried."""


def judge(predict: Predict, dataset: Dataset) -> AsItCame | None:
    """Returns what a model scores as it is fed, and a warning if it would do clearly better on another range.

    Args:
        predict: Returns the outputs ``(n, outputs)`` of model-ready examples ``(n, *input_shape)``.
        dataset: The dataset; its validation split is read, never the test rows.

    Returns:
        None where there are no validation rows.
    """
    if not dataset.rows["validation"]:
        return None
    batch, y = dataset.head("validation", MOST_EXAMPLES)
    x, schema = fed(batch), dataset.schema
    headline = meant(schema).judging.headline
    scores, _ = _scores(predict, x, y, schema)
    came = AsItCame(task=schema.task, metric=headline.metric, value=float(scores.mean()), examples=len(y))
    ranges = input_kind(schema.input.kind).other_ranges(schema.preprocessing, x)
    others = {wanted: _scores(predict, other, y, schema) for wanted, other in ranges}
    sign = 1 if headline.better == "higher" else -1
    best = max(others, key=lambda wanted: sign * others[wanted][0].mean(), default=None)
    if best is None:
        return came
    better, by_chance = others[best]
    if _is_clear(sign * (better - scores)) and _is_clear(sign * (better - by_chance)):
        came.better_input = best if isinstance(best, str) else f"[{best[0]:g}, {best[1]:g}]"
        came.warning = _warning(came, float(better.mean()))
    return came


def told(came: AsItCame) -> str:
    """Returns the score in words."""
    shown = task(came.task).judging.headline.text(came.value)
    return f"{came.metric} {shown} on {came.examples:,} validation examples"


def _scores(predict: Predict, x: Any, y: NDArray[np.generic], schema: DatasetSchema) -> tuple[Array, Array]:
    """Returns the scores of the examples, ``(n,)``, and those of the same answers to labels in another order.

    The latter tell what answers are worth that know nothing of their example, as those of a model that was
    never trained: the range that such a one does better on is chance.
    """
    outputs = np.concatenate([predict(part) for part in in_parts(x, _BATCH)])
    judging = meant(schema).judging
    outputs = judging.answers(x, outputs)
    own_schema = schema.with_thresholds(judging.thresholds(outputs, y, schema))
    mixed = np.random.default_rng(0).permutation(y)
    scores, by_chance = (judging.scores(outputs, labels, schema, own_schema) for labels in (y, mixed))
    return scores.astype(np.float32), by_chance.astype(np.float32)


def _is_clear(gains: Array) -> bool:
    return bool(gains.mean() > _DEVIATIONS * gains.std() / math.sqrt(len(gains)))


def _warning(came: AsItCame, value: float) -> str:
    other = came.model_copy(update={"value": value})
    return (
        f"the archive as it came has {told(came)}, and {told(other)} where it is fed another range: "
        f"it seems to expect model.input: {came.better_input}"
    )


def refuse_another_range(came: AsItCame | None, model: Model) -> None:
    """Refuses to go on with a model that is not trained and that nobody said the range of, if it is another.

    Args:
        came: What the model is worth.
        model: The ``model`` section.

    Raises:
        ModelError: If it is.
    """
    if came is not None and came.warning and model.input is None:
        hint = f"Set it, as by --set 'model.input={came.better_input}', or to standardized if this is right."
        raise ModelError(came.warning, path=model.archive, field="model.input", hint=hint)
