"""Trains a tf_keras twin on the run's batches.

It is not resumable: TFMOT keeps its state in callbacks and wrapped layers, and a fine-tuning is short. A
killed one starts again, and ends with the same weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from trimtab.compress.base import Context
from trimtab.errors import CompressionError


def train_twin(
    twin: Any, context: Context, epochs: int, learning_rate: float, callbacks: Sequence[Any] = ()
) -> None:
    """Trains a twin in place, with the model's optimizer and a learning rate that falls to zero (cosine).

    Args:
        twin: A tf_keras model.
        context: Gives the training batches.
        epochs: How often to see every training example.
        learning_rate: The first step's learning rate.
        callbacks: What TFMOT needs to be called at every step.

    Raises:
        CompressionError: If the loss is no longer a number.
    """
    import tf_keras

    tf_keras.utils.set_random_seed(context.seed)
    classes = context.task == "classification"
    twin.compile(
        optimizer=_optimizer(context, learning_rate, epochs * context.steps_per_epoch),
        loss="sparse_categorical_crossentropy" if classes else "mean_squared_error",
        metrics=["accuracy"] if classes else ["mae"],
        jit_compile=False,
    )

    def batches() -> Iterator[tuple[np.ndarray, ...]]:
        for epoch in range(epochs):
            yield from context.train_batches(epoch)

    def report(epoch: int, logs: dict[str, float]) -> None:
        shown = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        context.say(f"epoch {epoch + 1}/{epochs}  {shown}")

    history = twin.fit(
        batches(),
        steps_per_epoch=context.steps_per_epoch,
        epochs=epochs,
        callbacks=[
            *callbacks,
            tf_keras.callbacks.TerminateOnNaN(),
            tf_keras.callbacks.LambdaCallback(on_epoch_end=report),
        ],
        verbose=0,
    )
    if not np.isfinite(history.history["loss"]).all():
        raise CompressionError(
            "the loss is not a number while fine-tuning",
            hint=f"Try a smaller learning_rate_factor: the learning rate was {learning_rate:g}.",
        )


def _optimizer(context: Context, learning_rate: float, steps: int) -> Any:
    import tf_keras

    schedule = tf_keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    if context.optimizer == "sgd":
        return tf_keras.optimizers.SGD(schedule, momentum=context.momentum)
    if context.optimizer == "rmsprop":
        return tf_keras.optimizers.RMSprop(schedule, momentum=context.momentum)
    if context.optimizer == "adamw":
        return tf_keras.optimizers.AdamW(schedule)
    return tf_keras.optimizers.Adam(schedule)
