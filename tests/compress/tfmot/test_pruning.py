"""Pruning by TFMOT: the sparsity asked for, where it was asked for, however short the training."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers
from small_models import fine_tuner

from trimtab.compress.base import Context
from trimtab.compress.patterns import has_two_four
from trimtab.compress.tfmot import magnitude as module
from trimtab.compress.tfmot.magnitude import Magnitude, MagnitudePruning, schedule_steps
from trimtab.compress.tfmot.pruning import check_sparsity
from trimtab.compress.tfmot.two_four import TwoFour, TwoFourPruning
from trimtab.errors import CompressionError

magnitude = MagnitudePruning()
two_four = TwoFourPruning()


def kernel(model: keras.Model, name: str) -> np.ndarray:
    return np.asarray(model.get_layer(name).weights[0].numpy())


def zeros(array: np.ndarray) -> float:
    return 1 - np.count_nonzero(array) / array.size


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 21, 64, 99, 1000, 123_457])
def test_the_last_mask_update_is_in_the_schedule_and_leaves_time_to_recover(steps: int) -> None:
    frequency, end = schedule_steps(steps)
    assert end % frequency == 0
    assert 1 <= end <= max(1, 0.6 * steps)
    assert end / frequency <= 120


@pytest.mark.parametrize("examples", [40, 64, 300])
def test_a_short_training_still_reaches_the_target(
    examples: int,
    models: dict[str, keras.Model],
    digits: tuple[np.ndarray, np.ndarray],
    make_context: Callable[..., Context],
) -> None:
    # One, one and five steps in all: TFMOT's own default frequency of 100 would leave 0 % without an error.
    context = make_context(digits[0][:examples], digits[1][:examples])
    pruned = magnitude(models["mlp"], Magnitude(sparsity=0.8, epochs=1), context)
    assert zeros(kernel(pruned, "dense_1")) == pytest.approx(0.8, abs=0.001)


@pytest.mark.slow
def test_what_is_never_pruned_stays_dense(models: dict[str, keras.Model], context: Context) -> None:
    pruned = magnitude(models["cnn"], Magnitude(sparsity=0.5, epochs=1), context)
    assert zeros(kernel(pruned, "depthwise")) == 0
    for name in ("conv_1", "conv_3", "out"):
        assert zeros(kernel(pruned, name)) == pytest.approx(0.5, abs=0.01)
    assert np.count_nonzero(pruned.get_layer("out").weights[1].numpy()) == 10


def test_embeddings_and_recurrent_sequences() -> None:
    x = np.random.default_rng(0).integers(0, 50, (64, 12)).astype(np.int32)
    inputs = keras.Input((12,), dtype="int32")
    hidden = layers.Conv1D(16, 3, name="conv")(layers.Embedding(50, 16, name="words")(inputs))
    outputs = layers.Dense(2, activation="softmax", name="out")(layers.GlobalMaxPooling1D()(hidden))
    model = keras.Model(inputs, outputs)
    context = Context(
        seed=0,
        task="classification",
        steps_per_epoch=1,
        fine_tune=fine_tuner(x, x[:, 0] % 2),
        calibration=lambda n: x[:n],
        say=lambda text: None,
    )
    pruned = magnitude(model, Magnitude(sparsity=0.5, epochs=2), context)
    assert zeros(kernel(pruned, "conv")) == pytest.approx(0.5, abs=0.01)
    assert zeros(kernel(pruned, "words")) == 0
    # TFMOT's 2:4 takes no kernels of rank 3: only the dense one gets the pattern.
    structured = two_four(model, TwoFour(epochs=1), context)
    assert zeros(kernel(structured, "conv")) == 0
    assert has_two_four(kernel(structured, "out"))


def test_nested_models_are_pruned_inside(context: Context) -> None:
    inner = keras.Sequential(
        [keras.Input((64,)), layers.Dense(32, activation="relu", name="inside")], name="inner"
    )
    inputs = keras.Input((8, 8, 1))
    outputs = layers.Dense(10, activation="softmax", name="outside")(inner(layers.Flatten()(inputs)))
    pruned = magnitude(keras.Model(inputs, outputs), Magnitude(sparsity=0.6, epochs=1), context)
    assert zeros(kernel(pruned, "inside")) == pytest.approx(0.6, abs=0.01)


def test_a_missed_target_is_refused(
    models: dict[str, keras.Model], context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A schedule that is longer than the training, as TFMOT lets anyone write it.
    monkeypatch.setattr(module, "schedule_steps", lambda steps: (1, 10 * steps))
    with pytest.raises(CompressionError, match=r"expected 80.0% zeros in its kernel, found \d"):
        magnitude(models["mlp"], Magnitude(sparsity=0.8, epochs=1), context)


def test_a_tiny_kernel_may_miss_by_one_weight(context: Context) -> None:
    dense = np.ones(1000)
    check_sparsity({"tiny": np.ones((1, 3))}, {"tiny": np.array([[0.0, 1.0, 1.0]])}, 0.5, context)
    with pytest.raises(CompressionError, match="big"):
        check_sparsity({"big": dense}, {"big": np.concatenate([np.zeros(480), np.ones(520)])}, 0.5, context)


def test_a_kernel_that_is_sparser_already_is_refused(context: Context) -> None:
    sparse = {"conv": np.concatenate([np.zeros(600), np.ones(400)])}
    with pytest.raises(CompressionError, match=r"had 60.0% zeros before"):
        check_sparsity(sparse, sparse, 0.5, context)


def test_two_four_runs_along_the_input_channels(models: dict[str, keras.Model], context: Context) -> None:
    pruned = two_four(models["cnn"], TwoFour(epochs=1), context)
    conv, dense = kernel(pruned, "conv_3"), kernel(pruned, "out")
    blocks = np.moveaxis(conv, 2, 3).reshape(-1, 4)
    assert (np.count_nonzero(blocks, axis=1) == 2).all()
    assert (np.count_nonzero(dense.T.reshape(-1, 4), axis=1) == 2).all()
    # One input channel has no four weights in a row.
    assert zeros(kernel(pruned, "conv_1")) == 0
    assert zeros(kernel(pruned, "depthwise")) == 0


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (np.array([[1.0], [0], [0], [2]]), True),
        (np.array([[1.0], [0], [3], [2]]), False),
        (np.array([[1.0], [0], [0], [2], [3], [4]]), True),
        (np.array([[1.0], [0], [0], [2], [3], [4], [5]]), False),
        (np.array([[1.0, 0, 0, 2], [1, 1, 1, 1], [1, 0, 1, 0], [0, 1, 1, 0]]), False),
        (np.zeros((3, 3, 8, 2)), True),
    ],
)
def test_the_pattern_is_told_from_others(kernel: np.ndarray, expected: bool) -> None:
    assert has_two_four(kernel) is expected
