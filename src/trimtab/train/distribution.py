"""Training on several GPUs of one machine."""

from __future__ import annotations

import tensorflow as tf


def strategy() -> tf.distribute.Strategy:
    """Returns a mirrored strategy when there is more than one GPU, else the default one.

    Build the model inside its scope; ``fit`` then splits every batch over the GPUs. ``train.batch_size`` is
    the size of the whole batch.
    """
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()
