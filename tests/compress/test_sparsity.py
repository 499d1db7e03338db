"""Sparsity by weights, blocks and the 2:4 pattern: as much as was asked for, however short the training."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from small_models import fine_tuner

from trimtab.compress import gradual
from trimtab.compress.base import Context
from trimtab.compress.block import BlockPruning, Blocks
from trimtab.compress.gradual import pruned as pruned_kernel
from trimtab.compress.gradual import schedule_steps
from trimtab.compress.kernels import copied, kernels
from trimtab.compress.magnitude import Magnitude, MagnitudePruning
from trimtab.compress.patterns import has_two_four
from trimtab.compress.traits import measure
from trimtab.compress.two_four import TwoFour, TwoFourPruning
from trimtab.errors import CompressionError

magnitude = MagnitudePruning()
block = BlockPruning()
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
    # One, one and five steps in all.
    context = make_context(digits[0][:examples], digits[1][:examples])
    pruned = magnitude(models["mlp"], Magnitude(sparsity=0.8, epochs=1), context)
    assert zeros(kernel(pruned, "dense_1")) == pytest.approx(0.8, abs=0.001)


def test_what_is_never_pruned_stays_dense(models: dict[str, keras.Model], one_step: Context) -> None:
    pruned = magnitude(models["cnn"], Magnitude(sparsity=0.5, epochs=1, spare_ends=False), one_step)
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
        fine_tune=fine_tuner(x, x[:, 0] % 2, eager=True),
        calibration=lambda n: x[:n],
        say=lambda text: None,
    )
    pruned = magnitude(model, Magnitude(sparsity=0.5, epochs=2), context)
    assert zeros(kernel(pruned, "conv")) == pytest.approx(0.5, abs=0.01)
    assert zeros(kernel(pruned, "words")) == 0
    structured = two_four(model, TwoFour(epochs=1), context)
    assert has_two_four(kernel(structured, "conv"))
    assert zeros(kernel(structured, "out")) == 0, "the last layer is small"


def test_nested_models_are_pruned_inside(one_step: Context) -> None:
    inner = keras.Sequential(
        [keras.Input((64,)), layers.Dense(32, activation="relu", name="inside")], name="inner"
    )
    inputs = keras.Input((8, 8, 1))
    outputs = layers.Dense(10, activation="softmax", name="outside")(inner(layers.Flatten()(inputs)))
    pruned = magnitude(keras.Model(inputs, outputs), Magnitude(sparsity=0.6, epochs=1), one_step)
    assert zeros(kernel(pruned, "inside")) == pytest.approx(0.6, abs=0.01)


def test_a_missed_target_is_refused(
    models: dict[str, keras.Model], one_step: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A schedule that is longer than the training, as one could write it.
    monkeypatch.setattr(gradual, "schedule_steps", lambda steps: (1, 10 * steps))
    with pytest.raises(CompressionError, match=r"expected 80.0% zeros in its kernel, found \d"):
        magnitude(models["mlp"], Magnitude(sparsity=0.8, epochs=1), one_step)


def test_a_tiny_kernel_may_miss_by_one_weight(one_step: Context) -> None:
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(3, 1, name="tiny")(inputs)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.GlobalMaxPooling2D()(x)))
    pruned = magnitude(model, Magnitude(sparsity=0.5, epochs=1, spare_ends=False), one_step)
    assert np.count_nonzero(kernel(pruned, "tiny")) in (1, 2)


def test_a_kernel_that_is_sparser_already_is_refused(
    models: dict[str, keras.Model], context: Context
) -> None:
    sparse = copied(models["mlp"])
    weight = sparse.get_layer("dense_2").kernel
    weight.assign(np.asarray(weight) * (np.arange(32)[:, None] % 5 < 2))
    with pytest.raises(CompressionError, match=r"had 56.2% zeros before"):
        magnitude(sparse, Magnitude(sparsity=0.5, epochs=1), context)


def test_small_first_and_last_layers_stay_whole(models: dict[str, keras.Model], one_step: Context) -> None:
    params = Magnitude(sparsity=0.7, epochs=1)
    pruned = magnitude(models["mlp"], params, one_step)
    # 2,048 of 3,392 weights are no small layer, 320 are.
    assert [round(zeros(kernel(pruned, name)), 2) for name in ("dense_1", "dense_2", "out")] == [0.7, 0.7, 0]
    everywhere = magnitude(models["mlp"], params.model_copy(update={"spare_ends": False}), one_step)
    assert zeros(kernel(everywhere, "out")) == pytest.approx(0.7, abs=0.01)
    assert list(kernels(models["cnn"], spare_ends=True)) == ["conv_3", "out"]


def test_every_kernel_of_recurrent_and_attending_layers(one_step: Context) -> None:
    inputs = keras.Input((8, 8, 1))
    x = layers.EinsumDense("btd,dh->bth", (8, 12))(layers.Reshape((8, 8))(inputs))
    x = layers.MultiHeadAttention(3, 4)(x, x)
    x = layers.Bidirectional(layers.GRU(6, return_sequences=True))(x)
    x = layers.TimeDistributed(layers.Dense(12))(layers.LSTM(6, return_sequences=True)(x))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Flatten()(x)))
    pruned = magnitude(model, Magnitude(sparsity=0.5, epochs=1, spare_ends=False), one_step)
    found = [weight for weight in pruned.weights if "kernel" in weight.name]
    assert len(found) == 1 + 4 + 4 + 2 + 1 + 1
    assert all(zeros(np.array(weight)) == pytest.approx(0.5, abs=0.02) for weight in found)
    assert set(measure(pruned).zeros) == {weight.path for weight in found}


def test_layers_of_kinds_that_nobody_knows_are_left(one_step: Context) -> None:
    inputs = keras.Input((8, 8, 1))
    x = layers.DepthwiseConv1D(3)(layers.Reshape((8, 8))(inputs)) + 1.0
    x = layers.LayerNormalization()(layers.Dense(32, activation="relu", name="hidden")(x))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Flatten()(x)))
    pruned = magnitude(model, Magnitude(sparsity=0.5, epochs=1, spare_ends=False), one_step)
    assert zeros(kernel(pruned, "hidden")) == pytest.approx(0.5, abs=0.01)
    assert zeros(kernel(pruned, pruned.layers[2].name)) == 0


def test_the_smallest_go_and_zeros_that_are_there_are_the_first() -> None:
    weights = np.array([[0.0, 3, -1], [2, 0, 5], [-4, 6, 7]])
    np.testing.assert_array_equal(pruned_kernel(weights, 5 / 9), [[0, 0, 0], [0, 0, 5], [-4, 6, 7]])


@pytest.mark.parametrize("size", [(1, 4), (4, 4)])
@pytest.mark.parametrize("shape", [(3, 3, 8, 12), (10, 6), (5, 9, 7)])
def test_blocks_go_whole(size: tuple[int, int], shape: tuple[int, ...]) -> None:
    weights = np.random.default_rng(0).normal(size=shape)
    found = pruned_kernel(weights, 0.5, size)
    rows, columns = -(-shape[-2] // size[1]), -(-shape[-1] // size[0])
    gone = 0
    for position in np.ndindex(*shape[:-2]):
        for row in range(rows):
            for column in range(columns):
                part = np.s_[
                    *position,
                    row * size[1] : (row + 1) * size[1],
                    column * size[0] : (column + 1) * size[0],
                ]
                assert (found[part] == 0).all() or (found[part] == weights[part]).all()
                gone += bool((found[part] == 0).all())
    assert gone == round(0.5 * rows * columns * int(np.prod(shape[:-2])))


@pytest.mark.parametrize("size", ["1x4", "4x4"])
def test_blocks_stay_zero_while_the_rest_is_trained(
    size: Any, models: dict[str, keras.Model], context: Context
) -> None:
    pruned = block(models["mlp"], Blocks(sparsity=0.5, size=size, epochs=2), context)
    found = kernel(pruned, "dense_2")
    of_inputs = found.reshape(8, 4, 32) if size == "1x4" else found.reshape(8, 4, 8, 4).transpose(0, 1, 3, 2)
    sums = np.abs(of_inputs).sum(axis=1 if size == "1x4" else (1, 2))
    assert zeros(sums) == pytest.approx(0.5, abs=0.02)
    assert zeros(found) == pytest.approx(0.5, abs=0.02)


def test_blocks_are_smaller_after_gzip_than_single_zeros() -> None:
    weights = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32)

    def packed(size: tuple[int, int]) -> int:
        return len(
            gzip.compress(np.round(pruned_kernel(weights, 0.7, size) * 30).astype(np.int8).tobytes(), 9)
        )

    assert packed((4, 4)) < 0.9 * packed((1, 1))


def test_two_four_runs_along_the_input_channels(models: dict[str, keras.Model], one_step: Context) -> None:
    pruned = two_four(models["cnn"], TwoFour(epochs=1, spare_ends=False), one_step)
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
