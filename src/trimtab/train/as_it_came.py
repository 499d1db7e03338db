"""What a saved model is worth before anything is done to it, and whether it is taken as it was meant."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import yaml
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
from trimtab.train.class_order import best_order

Array = NDArray[np.float32]
Predict = Callable[[Any], Array]
MOST_EXAMPLES = 2_000
_BATCH = 256
_INPUT = "model.input"
_DEVIATIONS = 3.0
"""A paired difference of so many standard errors is no chance, with as few ranges as are tried."""


def judge(predict: Predict, dataset: Dataset, model: Model) -> AsItCame | None:
    """Returns what a model scores as it is fed, and a warning if it would do clearly better otherwise.

    Tried are other ranges of its input, and other orders of its classes unless they are given.

    Args:
        predict: Returns the outputs ``(n, outputs)`` of model-ready examples ``(n, *input_shape)``.
        dataset: The dataset; its validation split is read, never the test rows.
        model: The ``model`` section.

    Returns:
        None where there are no validation rows.
    """
    if not dataset.rows["validation"]:
        return None
    batch, y = dataset.head("validation", MOST_EXAMPLES)
    x, schema = fed(batch), dataset.schema
    headline = meant(schema).judging.headline
    ranges = [("", x), *input_kind(schema.input.kind).other_ranges(schema.preprocessing, x)]
    outputs = {wanted: _outputs(predict, other) for wanted, other in ranges}
    has_classes = meant(schema).judging.form == "classes" and not schema.labels
    orders = (False, True) if has_classes and model.classes is None else (False,)
    tried = {
        (wanted, is_in_order): _scores(found, x, y, schema, is_in_order)
        for is_in_order in orders
        for wanted, found in outputs.items()
    }
    scores, _ = tried["", False]
    came = AsItCame(task=schema.task, metric=headline.metric, value=float(scores.mean()), examples=len(y))
    sign = 1 if headline.better == "higher" else -1
    best = max(tried, key=lambda way: sign * tried[way][0].mean())
    better, by_chance = tried[best]
    if _is_clear(sign * (better - scores)) and _is_clear(sign * (better - by_chance)):
        wanted, is_in_order = best
        if wanted:
            came.better_input = wanted if isinstance(wanted, str) else f"[{wanted[0]:g}, {wanted[1]:g}]"
        if is_in_order:
            order = best_order(outputs[wanted], y)
            came.better_classes = [schema.classes[order.index(place)] for place in range(len(order))]
        came.warning = _warning(came, float(better.mean()))
    return came


def told(came: AsItCame) -> str:
    """Returns the score in words."""
    shown = task(came.task).judging.headline.text(came.value)
    return f"{came.metric} {shown} on {came.examples:,} validation examples"


def _outputs(predict: Predict, x: Any) -> Array:
    return np.concatenate([predict(part) for part in in_parts(x, _BATCH)])


def _scores(
    outputs: Array, x: Any, y: NDArray[np.generic], schema: DatasetSchema, is_in_order: bool
) -> tuple[Array, Array]:
    """Returns the scores of the examples, ``(n,)``, and those of the same answers to labels in another order.

    The latter tell what answers are worth that know nothing of their example, as those of a model that was
    never trained: the range or the order that such a one does better in is chance.

    Args:
        outputs: Of the model, ``(n, outputs)``.
        x: What it was fed.
        y: The labels.
        schema: Of the dataset.
        is_in_order: Whether outputs are put in the order that fits the labels best.
    """
    judging = meant(schema).judging
    mixed = np.random.default_rng(0).permutation(y)

    def of(labels: NDArray[np.generic]) -> Array:
        given = outputs[:, best_order(outputs, labels)] if is_in_order else outputs
        answers = judging.answers(x, given)
        own_schema = schema.with_thresholds(judging.thresholds(answers, y, schema))
        return judging.scores(answers, labels, schema, own_schema).astype(np.float32)

    return of(y), of(mixed)


def _is_clear(gains: Array) -> bool:
    return bool(gains.mean() > _DEVIATIONS * gains.std() / math.sqrt(len(gains)))


def _warning(came: AsItCame, value: float) -> str:
    other = came.model_copy(update={"value": value})
    otherwise = [
        *(["where it is fed another range"] if came.better_input else []),
        *(["where its outputs are of the classes in another order"] if came.better_classes else []),
    ]
    return (
        f"the archive as it came has {told(came)}, and {told(other)} {' and '.join(otherwise)}: "
        f"it seems to expect {' and '.join(f'{field}: {wanted}' for field, wanted in _settings(came))}"
    )


def _settings(came: AsItCame) -> list[tuple[str, str]]:
    """Returns the fields of the config, and the values, by which the model would do better."""
    names = ", ".join(map(_in_yaml, came.better_classes))
    classes = [("model.classes", f"[{names}]")] if names else []
    return [*([("model.input", came.better_input)] if came.better_input else []), *classes]


def _in_yaml(name: str) -> str:
    """Returns a class's name as it stands in a list: in quotes where it would be read as something else."""
    try:
        return name if yaml.safe_load(f"[{name}]") == [name] else json.dumps(name, ensure_ascii=False)
    except yaml.YAMLError:
        return json.dumps(name, ensure_ascii=False)


def refuse_another_way(came: AsItCame | None, model: Model) -> None:
    """Refuses to go on with a model that is not trained, and would do better in a way that nobody decided on.

    Args:
        came: What the model is worth.
        model: The ``model`` section.

    Raises:
        ModelError: If it is.
    """
    if came is None:
        return
    open_ones = [(field, value) for field, value in _settings(came) if field != _INPUT or model.input is None]
    if open_ones:
        asked = " ".join(f"--set '{field}={value}'" for field, value in open_ones)
        right = (
            "model.input to standardized" if open_ones[0][0] == _INPUT else "it to the order of the labels"
        )
        hint = f"Set it, as by {asked}, or {right} if this is right."
        raise ModelError(came.warning, path=model.archive, field=open_ones[0][0], hint=hint)
