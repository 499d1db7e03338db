"""Weights of the classes in the loss."""

from __future__ import annotations

from typing import Literal

import numpy as np
import tensorflow as tf

from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import ConfigError
from trimtab.tasks.registry import task

_FIELD = "train.class_weight"


def class_weights(
    config: Literal["balanced"] | dict[str, float] | None, dataset: Dataset
) -> tf.Tensor | None:
    """Returns a weight per class, ``(classes,)`` float32, or None when all weigh the same.

    ``balanced`` gives a class ``rows / (classes * rows of the class)``, as scikit-learn's
    ``compute_class_weight`` does (King and Zeng, "Logistic regression in rare events data", 2001). Classes
    that a mapping leaves out weigh 1.

    Args:
        config: The ``train.class_weight`` field.
        dataset: The dataset artifact.

    Raises:
        ConfigError: If the task has no classes, or the mapping names one that the data does not have.
    """
    if config is None:
        return None
    classes = dataset.schema.classes
    name = dataset.schema.task
    if not task(name).learning.takes_class_weights:
        raise ConfigError(f"class weights are for classification, and the task is {name}", field=_FIELD)
    if isinstance(config, str):
        counts = np.bincount(_labels(dataset), minlength=len(classes))
        return tf.constant(counts.sum() / (len(classes) * np.maximum(counts, 1)), tf.float32)
    unknown = sorted(set(config) - set(classes))
    if unknown:
        raise ConfigError(
            f"unknown class {unknown[0]!r}", field=_FIELD, hint=f"The classes are {', '.join(classes[:50])}."
        )
    if any(weight < 0 for weight in config.values()) or not any(config.get(name, 1.0) for name in classes):
        raise ConfigError("expected weights of 0 or more, and at least one above 0", field=_FIELD)
    return tf.constant([config.get(name, 1.0) for name in classes], tf.float32)


def _labels(dataset: Dataset) -> np.ndarray:
    return np.concatenate([y for _, y in dataset.blocks("train")])
