"""Optimizers and learning-rate schedules, counted in steps: one factory for models of every library."""

from __future__ import annotations

import re
from typing import Any

import tensorflow as tf

from trimtab.config.train import Train

_NO_DECAY = [r"(^|/|_)(bias|gamma|beta)(:\d+)?$"]


def is_spared(name: str) -> bool:
    """Returns whether a weight of a name does not decay: a bias, or a parameter of a normalization."""
    return any(re.search(pattern, name) for pattern in _NO_DECAY)


def learning_rate(train: Train, steps_per_epoch: int, api: Any) -> Any:
    """Returns the learning rate of every step: linear warm-up from zero, then constant or a cosine to zero.

    The cosine is Loshchilov and Hutter's (SGDR, 2017) without restarts; it ends with the last epoch.

    Args:
        train: The ``train`` section.
        steps_per_epoch: Batches in an epoch.
        api: Keras, or another library with its interface.

    Returns:
        A number or a schedule of the library.
    """
    total = train.most_epochs * steps_per_epoch
    warmup = min(total, round(train.warmup_epochs * steps_per_epoch))
    if train.schedule == "cosine":
        if not warmup:
            return api.optimizers.schedules.CosineDecay(train.learning_rate, total)
        return api.optimizers.schedules.CosineDecay(
            0.0, max(1, total - warmup), warmup_target=train.learning_rate, warmup_steps=warmup
        )
    return _warm_up(train.learning_rate, warmup, api) if warmup else train.learning_rate


def _warm_up(rate: float, steps: int, api: Any) -> Any:
    """Returns a linear rise from zero over some steps, then a constant rate."""

    class WarmUp(api.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: tf.Tensor) -> tf.Tensor:
            return rate * tf.minimum(1.0, tf.cast(step, tf.float32) / float(steps))

        def get_config(self) -> dict[str, float]:
            return {"rate": rate, "steps": steps}

    return WarmUp()


def optimizer(train: Train, steps_per_epoch: int, api: Any) -> Any:
    """Returns a new optimizer; weight decay spares biases and the parameters of normalizations.

    Args:
        train: The ``train`` section.
        steps_per_epoch: Batches in an epoch.
        api: Keras, or another library with its interface.
    """
    rate, decay = learning_rate(train, steps_per_epoch, api), train.weight_decay or None
    if train.optimizer == "sgd":
        chosen = api.optimizers.SGD(rate, momentum=train.momentum, weight_decay=decay)
    elif train.optimizer == "rmsprop":
        chosen = api.optimizers.RMSprop(rate, momentum=train.momentum, weight_decay=decay)
    elif train.optimizer == "adamw":
        chosen = api.optimizers.AdamW(rate, weight_decay=train.weight_decay)
    else:
        chosen = api.optimizers.Adam(rate, weight_decay=decay)
    if train.weight_decay:
        chosen.exclude_from_weight_decay(var_names=_NO_DECAY)
    return chosen
