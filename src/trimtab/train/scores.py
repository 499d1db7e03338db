"""How right a model is on every validation example."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from trimtab.batch import fed, side_by_side
from trimtab.data.dataset.dataset import Dataset
from trimtab.tasks.of_labels import meant

if TYPE_CHECKING:
    import keras

_BATCH = 256


def validation_scores(model: keras.Model, dataset: Dataset) -> np.ndarray:
    """Returns the scores of a Keras model; see ``scores_by``."""
    return scores_by(model.predict_on_batch, dataset)


def scores_by(predict: Callable[[np.ndarray], Any], dataset: Dataset) -> np.ndarray:
    """Returns a score per validation example, ``(n,)`` float32, in the stored order, as the task judges it.

    Args:
        predict: Returns the outputs ``(n, outputs)`` of model-ready examples ``(n, *input_shape)``.
        dataset: The dataset artifact.
    """
    schema, judging = dataset.schema, meant(dataset.schema).judging
    outputs, labels = [], []
    for x, y in dataset.batches("validation", _BATCH):
        outputs.append(judging.answers(fed(x), side_by_side(predict(fed(x))).astype(np.float32)))
        labels.append(y)
    if not outputs:
        return np.zeros(0, np.float32)
    y_pred, y_true = np.concatenate(outputs), np.concatenate(labels)
    own_schema = schema.with_thresholds(judging.thresholds(y_pred, y_true, schema))
    return judging.scores(y_pred, y_true, schema, own_schema).astype(np.float32)
