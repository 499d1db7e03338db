"""Everything random is set from the seed, so that two runs on the CPU compute the same bits."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

SEED_STATE = "seed_generator_state"


def prepare(seed: int) -> None:
    """Seeds Python, NumPy, TensorFlow and Keras, and switches deterministic operations on.

    Call it before the model is built: initial weights and the layers' own seed generators are drawn from it.
    On GPUs the deterministic operations stay off: some layers (depthwise convolutions among them) have none
    there and would fail; exact resume is promised for the CPU.

    Args:
        seed: The run's seed.
    """
    keras.utils.set_random_seed(seed)
    if not tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()


def reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Sets the state of every seed generator in a model from ``(seed, epoch)`` alone.

    Args:
        model: A built model.
        seed: The run's seed.
        epoch: The epoch that begins, counted from 0.
    """
    states = [variable for variable in model.variables if variable.name == SEED_STATE]
    for place, state in enumerate(states):
        drawn = np.random.SeedSequence([seed, epoch, place]).generate_state(1, np.uint32)[0] >> 1
        state.assign(np.array([drawn, 0], dtype=state.dtype))
