"""Optimizers and learning-rate schedules, counted in steps."""

from __future__ import annotations

import keras
import tensorflow as tf

from trimtab.config.train import Train

_NO_DECAY = ["bias", "gamma", "beta"]


def learning_rate(
    train: Train, steps_per_epoch: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Returns the learning rate of every step: linear warm-up from zero, then constant or a cosine to zero.

    The cosine is Loshchilov and Hutter's (SGDR, 2017) without restarts; it ends with the last epoch.

    Args:
        train: The ``train`` section.
        steps_per_epoch: Batches in an epoch.
    """
    total = train.epochs * steps_per_epoch
    warmup = min(total, round(train.warmup_epochs * steps_per_epoch))
    if train.schedule == "cosine":
        if not warmup:
            return keras.optimizers.schedules.CosineDecay(train.learning_rate, total)
        return keras.optimizers.schedules.CosineDecay(
            0.0, max(1, total - warmup), warmup_target=train.learning_rate, warmup_steps=warmup
        )
    return WarmUp(train.learning_rate, warmup) if warmup else train.learning_rate


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """A linear rise from zero over some steps, then a constant rate.

    Args:
        rate: The rate after the warm-up.
        steps: Steps of the warm-up.
    """

    def __init__(self, rate: float, steps: int) -> None:
        self.rate, self.steps = rate, steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the rate of a step, counted from 0."""
        return self.rate * tf.minimum(1.0, tf.cast(step, tf.float32) / float(self.steps))

    def get_config(self) -> dict[str, float]:
        """Returns the arguments."""
        return {"rate": self.rate, "steps": self.steps}


def optimizer(train: Train, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Returns a new optimizer; weight decay spares biases and the parameters of normalizations.

    Args:
        train: The ``train`` section.
        steps_per_epoch: Batches in an epoch.
    """
    rate, decay = learning_rate(train, steps_per_epoch), train.weight_decay or None
    made: keras.optimizers.Optimizer
    if train.optimizer == "sgd":
        made = keras.optimizers.SGD(rate, momentum=train.momentum, weight_decay=decay)
    elif train.optimizer == "rmsprop":
        made = keras.optimizers.RMSprop(rate, momentum=train.momentum, weight_decay=decay)
    elif train.optimizer == "adamw":
        made = keras.optimizers.AdamW(rate, weight_decay=train.weight_decay)
    else:
        made = keras.optimizers.Adam(rate, weight_decay=decay)
    if train.weight_decay:
        made.exclude_from_weight_decay(var_names=_NO_DECAY)
    return made
