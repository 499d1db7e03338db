"""Training with rounded weights and activations: all kinds of layers, nothing lost, and the file's int8."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from served import outputs

from trimtab.batch import INPUT, OUTPUT
from trimtab.compress import traits
from trimtab.compress.apply import apply
from trimtab.compress.base import Context
from trimtab.compress.cluster import Cluster
from trimtab.compress.ending import write
from trimtab.compress.magnitude import Magnitude
from trimtab.compress.qat import Qat, RoundingTraining
from trimtab.compress.rounding.model import rounding
from trimtab.compress.rounding.rounded import rounded_kernel, rounded_output
from trimtab.config.chains import Ending, Step
from trimtab.errors import CompressionError
from trimtab.runtimes.litert import RUNTIME
from trimtab.runtimes.litert.codes import kernels
from trimtab.runtimes.litert.params import LiteRTInt8

qat = RoundingTraining()
KINDS: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "Conv1D": ((9, 4), lambda x: layers.Conv1D(6, 3, activation="relu")(x)),
    "Conv2D and batch norm": (
        (8, 8, 3),
        lambda x: layers.Activation("hard_swish")(layers.BatchNormalization()(layers.Conv2D(6, 3)(x))),
    ),
    "Conv3D": ((4, 4, 4, 2), lambda x: layers.Conv3D(3, 2)(x)),
    "Conv2DTranspose": ((4, 4, 3), lambda x: layers.Conv2DTranspose(5, 3, 2)(x)),
    "Conv1DTranspose": ((6, 3), lambda x: layers.Conv1DTranspose(5, 3, 2)(x)),
    "SeparableConv1D": ((8, 3), lambda x: layers.SeparableConv1D(6, 3)(x)),
    "add and resize": (
        (8, 8, 3),
        lambda x: layers.Resizing(4, 4)(layers.Add()([layers.Conv2D(3, 3, padding="same")(x), x])),
    ),
    "SeparableConv2D": ((8, 8, 3), lambda x: layers.SeparableConv2D(6, 3)(x)),
    "DepthwiseConv2D": ((8, 8, 3), lambda x: layers.UpSampling2D()(layers.DepthwiseConv2D(3)(x))),
    "attention": ((5, 8), lambda x: layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(x, x) + x)),
    "EinsumDense": ((5, 8), lambda x: layers.EinsumDense("btd,dh->bth", (5, 6), activation="gelu")(x)),
    "LSTM": ((5, 4), lambda x: layers.LSTM(6, return_sequences=True)(x)),
    "GRU both ways": ((5, 4), lambda x: layers.Bidirectional(layers.GRU(6))(x)),
    "TimeDistributed": ((5, 4), lambda x: layers.TimeDistributed(layers.Dense(6))(x)),
    "operations": ((8,), lambda x: keras.ops.concatenate([x, layers.Dense(4)(x)[:, :2] * 2.0], axis=-1)),
}
STEPS = {"attention": 1.6, "add and resize": 1.6, "LSTM": 2.8}
"""Where a file may be further away: scores and states inside a layer are rounded in the file alone."""


def test_kernels_have_255_steps_a_channel_and_keep_their_zeros() -> None:
    kernel = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32) * [1, 10, 0]
    kernel[:5] = 0
    found = np.asarray(rounded_kernel(kernel, (-1,)))
    scale = np.abs(kernel).max(0)[:2] / 127
    steps = found[:, :2] / scale
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    assert np.abs(found[:, :2] - kernel[:, :2]).max(0) == pytest.approx(scale / 2, rel=0.2)
    assert (found[kernel == 0] == 0).all()


def test_outputs_have_256_steps_and_zero_is_one() -> None:
    values = np.linspace(-1, 2, 1001, dtype=np.float32)
    found = np.asarray(rounded_output(values))
    assert len(np.unique(found)) == 256
    assert 0 in found
    assert np.abs(found - values).max() <= 3 / 255 * 0.51


def test_what_is_infinite_takes_no_range_and_is_rounded_to_its_end() -> None:
    values = np.linspace(-1, 2, 1001, dtype=np.float32)
    found = np.asarray(rounded_output(np.append(values, [-np.inf, np.inf]).astype(np.float32)))
    np.testing.assert_array_equal(found[:-2], np.asarray(rounded_output(values)))
    np.testing.assert_array_equal(found[-2:], [found[0], found[-3]])


def model_of(kind: str) -> tuple[keras.Model, np.ndarray]:
    """Returns an untrained model with such a layer, and examples for it."""
    shape, make = KINDS[kind]
    keras.utils.set_random_seed(0)
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layers.Dense(2, name="out")(layers.Flatten()(make(inputs))), name="model")
    return model, np.random.default_rng(1).normal(size=(32, *shape)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_8_bits_answers_as_it_was_trained_to_some_steps(kind: str, tmp_path: Path) -> None:
    model, x = model_of(kind)
    asked = LiteRTInt8(ranges="min_max")
    RUNTIME.convert(model, "int8", asked, tmp_path, lambda count: {INPUT: x[:count]})
    trained = np.asarray(rounding(model)(x))
    file = RUNTIME.load(tmp_path).predict({INPUT: x})[OUTPUT]
    step = (max(trained.max(), 0) - min(trained.min(), 0)) / 255
    assert np.abs(file - trained).mean() < STEPS.get(kind, 1.2) * step


@pytest.mark.parametrize("kind", KINDS)
def test_layers_of_every_kind_are_trained_rounded(kind: str) -> None:
    model, x = model_of(kind)
    expected, before = np.asarray(model(x)), model.get_weights()
    rounded = rounding(model)
    assert "_rounded" in rounded.to_json()
    off = np.abs(rounded(x) - expected).max() / np.abs(expected).max()
    assert 1e-5 < off < 0.1
    rounded.compile(keras.optimizers.SGD(0.01), "mse")
    rounded.fit(x, np.ones((32, 2)), epochs=1, verbose=0)
    moved = [not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True)]
    assert all(moved)


def test_masks_and_states_go_through() -> None:
    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(20, 8, mask_zero=True)(inputs)
    recurrent = layers.LSTM(4, dropout=0.5)
    model = keras.Model(inputs, layers.Dense(1)(recurrent(x)))
    rounded, tokens = rounding(model), np.array([[3, 4, 0, 0, 0, 0], [3, 4, 5, 0, 0, 0]], np.int32)
    np.testing.assert_allclose(rounded(tokens), model(tokens), atol=0.05)
    masks = [np.asarray(rounded(tokens, training=True)) for _ in range(2)]
    assert not np.array_equal(masks[0], masks[1])


@pytest.mark.parametrize(("clusters", "per"), [(8, "layer"), (3, "channel")])
def test_zeros_and_shared_weights_stay_behind_a_relu_layer_too(
    clusters: int, per: Any, one_step: Context, tmp_path: Path
) -> None:
    inputs = keras.Input((8, 8, 1))
    x = layers.ReLU()(layers.Dense(32, name="hidden")(layers.Flatten()(inputs)))
    x = layers.ReLU()(layers.Dense(32, name="inner")(x))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    for name, params in (
        ("magnitude", Magnitude(sparsity=0.5, epochs=1)),
        ("cluster", Cluster(clusters=clusters, per=per, epochs=1)),
    ):
        model = apply(Step(name, params), model, one_step)
    found = apply(Step("qat", Qat(epochs=1)), model, one_step)
    assert traits.measure(found).names == {"zeros", "clusters"}
    assert traits.lost(model, found) == ""
    assert traits.measure(found).clusters == traits.measure(model).clusters
    write(found, Ending("int8", Step("int8", LiteRTInt8(ranges="min_max")), "litert"), tmp_path, one_step)
    codes = {each.codes.shape: each.codes for each in kernels((next(tmp_path.iterdir())).read_bytes())}
    inner = codes[32, 32]  # outputs first; each channel has a scale of its own
    assert max(len(set(channel[channel != 0])) for channel in inner) <= clusters


def test_the_int8_of_the_file_is_what_was_trained(
    models: dict[str, keras.Model], context: Context, kept_back: np.ndarray, tmp_path: Path
) -> None:
    found = apply(Step("qat", Qat(epochs=1)), models["cnn"], context)
    write(found, Ending("int8", Step("int8", LiteRTInt8()), "litert"), tmp_path, context)
    file = outputs(next(tmp_path.glob("*.tflite")).read_bytes(), kept_back)
    trained = np.asarray(rounding(found)(kept_back))
    assert np.abs(file - trained).mean() < 1 / 256
    assert (file.argmax(1) == trained.argmax(1)).mean() > 0.99


def test_a_model_without_kernels_is_refused(context: Context) -> None:
    inputs = keras.Input((4,))
    with pytest.raises(CompressionError, match="no layer with a kernel"):
        qat(keras.Model(inputs, layers.ReLU()(inputs)), Qat(), context)
