from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.models import cost


def one(layer: Any, *shape: int) -> keras.Model:
    inputs = keras.Input(shape)
    return keras.Model(inputs, layer(inputs))


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (layers.Dense(5), (7,), 7 * 5),
        (layers.Dense(5), (3, 7), 3 * 7 * 5),
        (layers.Conv1D(4, 3, padding="same"), (10, 2), 10 * 3 * 2 * 4),
        (layers.Conv2D(4, 3), (8, 6, 2), 6 * 4 * 9 * 2 * 4),
        (layers.Conv2D(4, 3, strides=2, padding="same"), (8, 8, 2), 4 * 4 * 9 * 2 * 4),
        (layers.Conv2D(4, 3, groups=2, padding="same"), (8, 8, 2), 64 * 9 * 1 * 4),
        (layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), (8, 8, 3), 64 * 9 * 3 * 2),
        (layers.SeparableConv2D(5, 3, padding="same"), (8, 8, 3), 64 * (9 * 3 + 3 * 5)),
        (layers.Conv2DTranspose(5, 3, strides=2, padding="same"), (4, 4, 3), 16 * 9 * 3 * 5),
        (layers.EinsumDense("btd,dhk->bthk", (3, 2, 4)), (3, 5), 3 * 5 * 2 * 4),
        (layers.EinsumDense("bthk,hkd->btd", (3, 5)), (3, 2, 4), 3 * 2 * 4 * 5),
        (layers.LSTM(4), (6, 3), 6 * (3 + 4) * 16),
        (layers.Bidirectional(layers.GRU(4)), (6, 3), 2 * 6 * (3 + 4) * 12),
        (layers.ConvLSTM1D(4, 3, padding="same"), (6, 5, 2), 6 * 5 * 3 * (2 + 4) * 16),
        (layers.TimeDistributed(layers.Conv1D(4, 3)), (6, 5, 2), 6 * 3 * 3 * 2 * 4),
        (layers.BatchNormalization(), (8, 8, 3), 0),
        (layers.MaxPooling2D(), (8, 8, 3), 0),
    ],
)
def test_macs(layer: Any, shape: tuple[int, ...], expected: int) -> None:
    assert cost.macs(one(layer, *shape)) == expected


def test_the_projections_of_an_attention_count_where_they_read() -> None:
    asked, answered = keras.Input((5, 8)), keras.Input((3, 6))
    model = keras.Model([asked, answered], layers.MultiHeadAttention(2, 4, value_dim=3)(asked, answered))
    assert cost.macs(model) == 5 * 8 * 2 * 4 + 3 * 6 * 2 * (4 + 3) + 5 * 2 * 3 * 8


def test_a_layer_called_twice_counts_twice() -> None:
    inputs, dense = keras.Input((4,)), layers.Dense(4)
    model = keras.Model(inputs, dense(dense(inputs)))
    assert cost.macs(model) == 32
    assert cost.parameters(model) == 20


def test_nested_and_sequential_models_count() -> None:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    inputs = keras.Input((4,))
    assert cost.macs(inner) == 12
    assert cost.macs(keras.Model(inputs, layers.Dense(2)(inner(inputs)))) == 12 + 6


def test_sparsity_looks_at_kernels_only() -> None:
    model = one(layers.Dense(4), 5)
    kernel = np.ones((5, 4), np.float32)
    kernel[:, 0] = 0
    model.set_weights([kernel, np.zeros(4, np.float32)])
    assert cost.sparsity(model) == 0.25
    assert cost.sparsity(one(layers.ReLU(), 5)) == 0.0


def test_weights_sha256_changes_with_one_bit() -> None:
    model = one(layers.Dense(4), 5)
    before = cost.weights_sha256(model)
    kernel, bias = model.get_weights()
    kernel.view(np.uint32)[0, 0] ^= 1
    model.set_weights([kernel, bias])
    assert cost.weights_sha256(model) != before
    assert len(before) == 64
