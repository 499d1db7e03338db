"""Small trained models on scikit-learn's digits, and a context that trains on them for real: fixtures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from sklearn.datasets import load_digits

from trimtab.compress.base import Context, FineTune
from trimtab.config.fine_tuning import FineTuning
from trimtab.models.autograph import without_autograph

BATCH = 64


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Returns ``(x (1797, 8, 8, 1) from 0 to 1, y (1797,))``; the first 1,300 are for training."""
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype(np.float32).reshape(-1, 8, 8, 1), y


def fine_tuner(x: np.ndarray, y: np.ndarray, learning_rate: float = 2e-3, *, eager: bool = False) -> FineTune:
    """Returns what trains a model of any library on some arrays, without checkpoints.

    A step that is not compiled (``eager``) takes longer, and nothing before it: for a training of few.
    """

    @without_autograph  # as the training loop does
    def fine_tune(
        model: Any, tuning: FineTuning, *, callbacks: Sequence[Any] = (), library: Any = None
    ) -> None:
        api, steps = library.api if library else keras, -(-len(x) // BATCH)
        rate = api.optimizers.schedules.CosineDecay(
            learning_rate * tuning.learning_rate_factor, steps * tuning.epochs
        )
        how: dict[str, Any] = {"jit_compile": False, "run_eagerly": eager}
        if library:
            model.train_step = tf.autograph.experimental.do_not_convert(model.train_step)
        model.compile(api.optimizers.Adam(rate), "sparse_categorical_crossentropy", **how)
        order = np.random.default_rng(7).permutation(len(x))
        given = {"batch_size": BATCH, "epochs": tuning.epochs, "shuffle": False, "verbose": 0}
        model.fit(x[order], y[order], callbacks=list(callbacks), **given)

    return fine_tune


@pytest.fixture(scope="session")
def make_context() -> Callable[..., Context]:
    """Returns a function that makes a context from training arrays."""

    def make(x: np.ndarray, y: np.ndarray, **changes: object) -> Context:
        settings = {
            "seed": 3,
            "task": "classification",
            "steps_per_epoch": -(-len(x) // BATCH),
            "fine_tune": fine_tuner(x, y),
            "calibration": lambda n: x[:n],
            "say": lambda text: None,
            "labelled": lambda n: (x[:n], y[:n], keras.losses.SparseCategoricalCrossentropy()),
        }
        return Context(**{**settings, **changes})

    return make


@pytest.fixture(scope="session")
def context(digits: tuple[np.ndarray, np.ndarray], make_context: Callable[..., Context]) -> Context:
    x, y = digits
    return make_context(x[:1300], y[:1300])


@pytest.fixture(scope="session")
def one_step(digits: tuple[np.ndarray, np.ndarray], make_context: Callable[..., Context]) -> Context:
    """Returns a context whose epochs have one step: for what holds however long a training is."""
    x, y = digits[0][:BATCH], digits[1][:BATCH]
    return make_context(x, y, fine_tune=fine_tuner(x, y, eager=True))


@pytest.fixture(scope="session")
def accuracy(digits: tuple[np.ndarray, np.ndarray]) -> Callable[[np.ndarray], float]:
    """Returns a function from outputs on the 497 digits kept back to accuracy."""
    return lambda outputs: float((outputs.argmax(axis=1) == digits[1][1300:]).mean())


@pytest.fixture(scope="session")
def kept_back(digits: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return digits[0][1300:]


def _cnn() -> keras.Model:
    x = inputs = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="conv_1")(x)
    x = layers.BatchNormalization(momentum=0.9, name="bn_1")(x)
    x = skip = layers.ReLU(name="relu_1")(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
    x = layers.BatchNormalization(momentum=0.9, name="bn_2")(x)
    x = layers.ReLU(max_value=6.0, name="relu_2")(x)
    x = layers.Conv2D(16, 1, name="conv_3")(x)
    x = layers.Add(name="add")([x, skip])
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(0.1, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax", name="out")(x), name="small_cnn")


def _mlp() -> keras.Model:
    x = inputs = keras.Input((8, 8, 1), name="image")
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(32, activation="relu", name="dense_1")(x)
    x = layers.Dense(32, activation="relu", name="dense_2")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax", name="out")(x), name="small_mlp")


@pytest.fixture(scope="session")
def models(digits: tuple[np.ndarray, np.ndarray]) -> dict[str, keras.Model]:
    """Returns trained models by name; nobody may change them."""
    x, y = digits
    made = {}
    for build in (_cnn, _mlp):
        keras.utils.set_random_seed(1)
        model = build()
        model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
        model.fit(x[:1300], y[:1300], batch_size=BATCH, epochs=10, verbose=0)
        made[model.name.removeprefix("small_")] = model
    return made
