"""Weights of the classes in the loss."""

from __future__ import annotations

from typing import Literal

import numpy as np
import tensorflow as tf

from trimtab.data.dataset.dataset import Dataset
from trimtab.data.schema import DatasetSchema
from trimtab.errors import ConfigError
from trimtab.tasks.of_labels import meant

_FIELD = "train.class_weight"


ClassWeights = Literal["balanced"] | dict[str, float] | None


def class_weights(config: ClassWeights, dataset: Dataset) -> tf.Tensor | None:
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
    check_class_weights(config, dataset.schema)
    classes = dataset.schema.classes
    if isinstance(config, str):
        counts = np.bincount(_labels(dataset), minlength=len(classes))
        return tf.constant(counts.sum() / (len(classes) * np.maximum(counts, 1)), tf.float32)
    return tf.constant([config.get(name, 1.0) for name in classes], tf.float32)


def check_class_weights(config: ClassWeights, schema: DatasetSchema) -> None:
    """Checks that weights are of the classes that there are.

    Args:
        config: The ``train.class_weight`` field.
        schema: Of the data.

    Raises:
        ConfigError: If the task has no classes, or the mapping names one that the data does not have.
    """
    if config is None:
        return
    classes, name = schema.classes, meant(schema).name
    if not meant(schema).learning.takes_class_weights:
        raise ConfigError(f"class weights are for classification, and the task is {name}", field=_FIELD)
    if isinstance(config, str):
        return
    unknown = sorted(set(config) - set(classes))
    if unknown:
        raise ConfigError(
            f"unknown class {unknown[0]!r}", field=_FIELD, hint=f"The classes are {', '.join(classes[:50])}."
        )
    if any(weight < 0 for weight in config.values()) or not any(config.get(name, 1.0) for name in classes):
        raise ConfigError("expected weights of 0 or more, and at least one above 0", field=_FIELD)


def _labels(dataset: Dataset) -> np.ndarray:
    return np.concatenate([y for _, y in dataset.blocks("train")])
