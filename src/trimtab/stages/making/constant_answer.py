"""Whether a model is better than one that always answers the same."""

from __future__ import annotations

import numpy as np

from trimtab.data.dataset.dataset import Dataset
from trimtab.tasks.of_labels import meant

_HINT = "Train longer, change the learning rate or the model, or look at the data."
_AS_IT_CAME = "It came so: see model.input and model.classes, or look at the data."


def warnings(data: Dataset, scores: np.ndarray, *, is_trained: bool = True) -> list[str]:
    """Returns a warning when the model is not better than a constant answer.

    Args:
        data: The dataset.
        scores: Of its validation examples.
        is_trained: Whether the model was trained here, and so can be trained otherwise.
    """
    if not len(scores):
        return []
    y = np.concatenate([labels for _, labels in data.blocks("validation")])
    warning = meant(data.schema).judging.no_better_than_a_constant(scores, y, data.schema)
    return [f"{warning} {_HINT if is_trained else _AS_IT_CAME}"] if warning else []
