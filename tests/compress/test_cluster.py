"""Shared weights: few values, kept while they are trained, after other passes too, and in less bytes."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.compress import traits
from trimtab.compress.apply import apply
from trimtab.compress.base import Context
from trimtab.compress.channels import Channels
from trimtab.compress.cluster import Cluster, Clustering
from trimtab.compress.ending import write
from trimtab.compress.magnitude import Magnitude
from trimtab.compress.sharing import KeepShared, shared, shared_by_channel
from trimtab.config.base import Section
from trimtab.config.chains import Ending, Step
from trimtab.errors import CompressionError

cluster = Clustering()


def values(model: keras.Model, name: str) -> int:
    kernel = np.asarray(model.get_layer(name).kernel)
    return len(np.unique(kernel[kernel != 0]))


def test_values_are_few_and_near_what_they_stand_for() -> None:
    weights = np.random.default_rng(0).normal(size=(30, 40)).astype(np.float32)
    weights[weights < -1] = 0
    found = shared(weights, 16)
    assert len(np.unique(found[found != 0])) <= 16
    np.testing.assert_array_equal(found == 0, weights == 0)
    assert np.square(found - weights).mean() < 0.02 * np.square(weights).mean()
    for value in np.unique(found[found != 0]):
        assert value == pytest.approx(weights[found == value].mean(), rel=1e-4)
    np.testing.assert_array_equal(shared(found, 16), found)


def test_a_step_moves_all_weights_of_a_cluster_by_their_mean_gradient() -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2, use_bias=False, name="out")(inputs))
    kernel = model.get_layer("out").kernel
    start = np.array([[1, 2], [1, 0], [2, 2], [0, 1]], np.float32)
    kernel.assign(start)
    x, y = np.arange(12, dtype=np.float32).reshape(3, 4) / 10, np.ones((3, 2), np.float32)
    gradient = 2 * x.T @ (x @ start - y) / y.size
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(x, y, batch_size=3, shuffle=False, verbose=0, callbacks=[KeepShared([kernel])])
    for value in (1, 2):
        expected = value - 0.1 * gradient[start == value].mean()
        np.testing.assert_allclose(np.asarray(kernel)[start == value], expected, rtol=1e-5)
    assert (np.asarray(kernel)[start == 0] == 0).all()


def test_a_dense_layer_that_a_relu_layer_follows_keeps_its_values(one_step: Context) -> None:
    inputs = keras.Input((8, 8, 1))
    x = layers.ReLU()(layers.Dense(32, name="hidden")(layers.Flatten()(inputs)))
    x = layers.ReLU()(layers.Dense(32, name="inner")(x))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    found = apply(Step("cluster", Cluster(clusters=8, epochs=2)), model, one_step)
    assert values(found, "hidden") <= 8
    assert values(found, "inner") <= 8
    assert traits.measure(found).names == {"clusters"}


def test_channels_have_values_of_their_own(models: dict[str, keras.Model], one_step: Context) -> None:
    found = apply(Step("cluster", Cluster(clusters=4, per="channel", epochs=1)), models["mlp"], one_step)
    kernel = np.asarray(found.get_layer("dense_2").kernel)
    assert max(len(np.unique(channel)) for channel in kernel.T) <= 4
    assert len(np.unique(kernel)) > 4 * kernel.shape[1] / 2
    assert "dense_2/kernel" in traits.measure(found).clusters
    assert traits.lost(found, models["mlp"]) == "the shared weights of dense_1/kernel"
    with pytest.raises(CompressionError, match="no kernel has in each channel 256 weights"):
        cluster(models["mlp"], Cluster(clusters=64, per="channel"), one_step)


def test_values_of_channels_are_told_from_weights_that_were_trained() -> None:
    model = keras.Sequential([keras.Input((64,)), layers.Dense(64, name="wide")])
    assert not traits.measure(model).clusters
    kernel = model.get_layer("wide").kernel
    kernel.assign(shared_by_channel(np.array(kernel), 8))
    assert list(traits.measure(model).clusters.values()) == [8]  # 512 in all


def test_it_trains_the_values(
    models: dict[str, keras.Model],
    context: Context,
    kept_back: np.ndarray,
    accuracy: Callable[[np.ndarray], float],
) -> None:
    moments: list[np.ndarray] = []
    usual = context.fine_tune

    def fine_tune(model: Any, tuning: Any, *, callbacks: Sequence[Any] = (), library: Any = None) -> None:
        moments.append(np.array(model.get_layer("dense_2").kernel))
        usual(model, tuning, callbacks=callbacks, library=library)

    params = Cluster(clusters=8, epochs=3, learning_rate_factor=1.0)
    found = cluster(models["mlp"], params, replace(context, fine_tune=fine_tune))
    assert np.abs(moments[0] - found.get_layer("dense_2").kernel).max() > 1e-3
    assert accuracy(np.asarray(found(kept_back))) > accuracy(np.asarray(models["mlp"](kept_back))) - 0.05


def test_after_channels_and_magnitude_zeros_and_widths_stay(
    models: dict[str, keras.Model], one_step: Context
) -> None:
    steps = (("channels", Channels(ratio=0.25, epochs=1)), ("magnitude", Magnitude(sparsity=0.5, epochs=1)))
    model = models["mlp"]
    for name, params in steps:
        model = apply(Step(name, params), model, one_step)
    found = apply(Step("cluster", Cluster(clusters=16, epochs=1)), model, one_step)
    before, after = (np.asarray(each.get_layer("dense_2").kernel) for each in (model, found))
    np.testing.assert_array_equal(after == 0, before == 0)
    assert values(found, "dense_2") <= 16
    assert traits.measure(found).widths == traits.measure(model).widths


def test_files_are_smaller(models: dict[str, keras.Model], one_step: Context, tmp_path: Path) -> None:
    found = apply(Step("cluster", Cluster(clusters=16, epochs=1)), models["mlp"], one_step)

    def packed(model: keras.Model, name: str) -> int:
        write(model, Ending(name, Step(name, Section()), "litert"), tmp_path, one_step)
        return sum(len(gzip.compress(path.read_bytes(), 9)) for path in tmp_path.glob("*.tflite"))

    for name, most in (("none", 0.5), ("float16", 0.7)):
        assert packed(found, name) < most * packed(models["mlp"], name)


def test_what_would_destroy_the_values_is_refused(models: dict[str, keras.Model], one_step: Context) -> None:
    found = apply(Step("cluster", Cluster(clusters=16, epochs=1)), models["mlp"], one_step)
    with pytest.raises(CompressionError, match="would destroy the shared weights"):
        apply(Step("channels", Channels()), found, one_step)


def test_a_model_of_small_kernels_is_refused(context: Context) -> None:
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalMaxPooling2D()(inputs)))
    with pytest.raises(CompressionError, match="no kernel has 64 weights"):
        cluster(model, Cluster(spare_ends=False), context)
