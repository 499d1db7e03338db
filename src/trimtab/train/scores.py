"""How right a model is on every validation example."""

from __future__ import annotations

import keras
import numpy as np

from trimtab.data.dataset.dataset import Dataset

_BATCH = 256


def validation_scores(model: keras.Model, dataset: Dataset) -> np.ndarray:
    """Returns a score per validation example, ``(n,)`` float32, in the stored order.

    Classification: 1 where the most probable class is right, else 0. Regression: the absolute error in units
    of the label.

    Args:
        model: The model.
        dataset: The dataset artifact.
    """
    outputs, labels = [], []
    for x, y in dataset.batches("validation", _BATCH):
        outputs.append(np.asarray(model.predict_on_batch(x), np.float32))
        labels.append(y)
    if not outputs:
        return np.zeros(0, np.float32)
    y_pred, y_true = np.concatenate(outputs), np.concatenate(labels)
    if dataset.schema.task == "classification":
        scores = y_pred.argmax(axis=1) == y_true
    else:
        scores = np.abs(y_pred.reshape(-1) - y_true) * dataset.schema.label_std
    return np.asarray(scores, np.float32)
