"""The dependency graph, over random small architectures: a cut model answers like the masked original."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.compress.graph.cut import cut
from trimtab.compress.graph.dependency import Dependencies, named_weights
from trimtab.compress.graph.selection import choose, groups
from trimtab.compress.graph.trace import trace
from trimtab.errors import CompressionError

Block = Callable[[Any, int, np.random.Generator], Any]


def conv(x: Any, width: int, _: np.random.Generator) -> Any:
    x = layers.Conv2D(width, 3, padding="same", activation="relu")(x)
    return layers.Dropout(0.2)(x)


def conv_norm(x: Any, width: int, _: np.random.Generator) -> Any:
    x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


def residual(x: Any, width: int, rng: np.random.Generator) -> Any:
    y = conv_norm(x, width, rng)
    y = layers.BatchNormalization()(layers.Conv2D(x.shape[-1], 3, padding="same")(y))
    return layers.ReLU()(layers.Add()([x, y]))


def projected(x: Any, width: int, rng: np.random.Generator) -> Any:
    shortcut = layers.Conv2D(width, 1)(x)
    return layers.Activation("relu")(layers.Add()([conv_norm(x, width, rng), shortcut]))


def depthwise(x: Any, width: int, rng: np.random.Generator) -> Any:
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=int(rng.integers(1, 3)))(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    return layers.Conv2D(width, 1, activation="relu")(x)


def separable(x: Any, width: int, rng: np.random.Generator) -> Any:
    return layers.SeparableConv2D(width, 3, padding="same", depth_multiplier=int(rng.integers(1, 3)))(x)


def transposed(x: Any, width: int, _: np.random.Generator) -> Any:
    x = layers.Conv2DTranspose(width, 3, strides=2, padding="same", activation="relu")(x)
    return layers.MaxPooling2D()(x)


def branches(x: Any, width: int, rng: np.random.Generator) -> Any:
    return layers.Concatenate()([conv_norm(x, width, rng), x, layers.Conv2D(width + 1, 1)(x)])


def branches_added(x: Any, width: int, rng: np.random.Generator) -> Any:
    """A sum whose one side is a concatenation: its channels fall into two groups."""
    joined = layers.Concatenate()(
        [layers.Conv2D(width, 1)(x), layers.Conv2D(width + 2, 3, padding="same")(x)]
    )
    return layers.Add()([joined, layers.Conv2D(2 * width + 2, 1)(x)])


def padded(x: Any, _: int, rng: np.random.Generator) -> Any:
    return layers.AveragePooling2D(2, strides=1)(layers.ZeroPadding2D(((0, 1), (0, 1)))(x))


def parametric(x: Any, width: int, _: np.random.Generator) -> Any:
    return layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(width, 3, padding="same")(x))


def reshaped(x: Any, width: int, _: np.random.Generator) -> Any:
    height, wide, channels = x.shape[1:]
    return layers.Reshape((height, wide, channels))(layers.Reshape((height * wide, channels))(x))


def gated(x: Any, width: int, _: np.random.Generator) -> Any:
    """Squeeze and excitation."""
    gate = layers.Reshape((1, 1, x.shape[-1]))(layers.GlobalAveragePooling2D()(x))
    gate = layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(layers.Conv2D(4, 1, activation="relu")(gate))
    return layers.Multiply()([x, gate])


def shared(x: Any, _: int, rng: np.random.Generator) -> Any:
    layer = layers.Conv2D(x.shape[-1], 3, padding="same", activation="relu")
    return layer(layer(x))


def opaque(x: Any, width: int, _: np.random.Generator) -> Any:
    return layers.LayerNormalization()(layers.Conv2D(width, 1)(x))


def grouped(x: Any, width: int, _: np.random.Generator) -> Any:
    x = layers.Conv2D(6, 1)(x)
    return layers.Conv2D(8, 3, groups=2, padding="same", activation="relu")(x)


def one_channel_a_group(x: Any, width: int, _: np.random.Generator) -> Any:
    """A depthwise convolution as some frameworks export it."""
    x = layers.Conv2D(width, 1)(x)
    return layers.Conv2D(2 * width, 3, groups=width, padding="same", activation="relu")(x)


def operations(x: Any, width: int, _: np.random.Generator) -> Any:
    """What is between layers as ``keras.ops``: a residual sum, hard swish, slices of the image."""
    y = keras.ops.hard_silu(layers.Conv2D(x.shape[-1], 3, padding="same")(x) * 0.5)
    x = keras.ops.concatenate([x[:, 1:, :, :], (x + y)[:, :1]], axis=1)
    return layers.Conv2D(width, 1)(x - keras.ops.mean(y, axis=(1, 2), keepdims=True))


BLOCKS: list[Block] = [
    conv, conv_norm, residual, projected, depthwise, separable, transposed, branches, branches_added, padded,
    parametric, reshaped, gated, shared, opaque, grouped, one_channel_a_group, operations,
]  # fmt: skip


def flatten_head(x: Any) -> Any:
    return layers.Dense(9, activation="relu")(layers.Flatten()(x))


def reshape_head(x: Any) -> Any:
    return layers.Dense(9, activation="relu")(layers.Reshape((-1,))(x))


HEADS: list[Callable[[Any], Any]] = [
    flatten_head,
    reshape_head,
    lambda x: layers.GlobalAveragePooling2D()(x),
    lambda x: layers.Flatten()(layers.GlobalMaxPooling2D(keepdims=True)(x)),
]


def random_model(seed: int, *blocks: Block) -> keras.Model:
    """Returns an architecture of the given blocks, or of random ones, with random weights everywhere."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    inputs = keras.Input((6, 6, 3))
    x = conv_norm(inputs, 6, rng)
    for block in blocks or rng.choice(BLOCKS, 3, replace=False):
        x = block(x, int(rng.integers(2, 10)), rng)
    x = HEADS[int(rng.integers(len(HEADS)))](x)
    model = keras.Model(inputs, layers.Dense(4, activation="softmax")(x))
    return with_random_weights(model, rng)


def with_random_weights(model: keras.Model, rng: np.random.Generator) -> keras.Model:
    for weight in model.weights:
        value = rng.normal(0, 0.4, weight.shape)
        weight.assign(np.abs(value) + 0.5 if "variance" in weight.name else value)
    return model


def masked(model: keras.Model, found: Dependencies, keep: np.ndarray) -> keras.Model:
    """Returns the original with removed channels set to zero wherever a layer reads them."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for slot in found.slots.values():
        is_fed_back = slot.weight.startswith("recurrent_kernel") and slot.axis == -2
        if slot.read is not None or is_fed_back:
            weight = named_weights(copy.get_layer(slot.layer))[slot.weight]
            array = np.moveaxis(np.array(weight), slot.axis, -1) * keep[slot.channels]
            weight.assign(np.moveaxis(array, -1, slot.axis))
    return copy


def check_equal(model: keras.Model, found: Dependencies, keep: np.ndarray) -> keras.Model:
    shape = (4, *model.inputs[0].shape[1:])
    rng = np.random.default_rng(0)
    integers = model.inputs[0].dtype == "int32"
    x = rng.integers(0, 9, shape).astype("int32") if integers else rng.normal(size=shape).astype("float32")
    before, pruned = model.get_weights(), cut(model, found, keep)
    np.testing.assert_allclose(pruned(x), masked(model, found, keep)(x), atol=2e-5)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    for width in (*found.widths.values(), *found.counts):
        assert width.of(pruned.get_layer(width.layer).get_config()) == keep[width.channels].sum() >= 1
    return pruned


def random_keep(found: Dependencies, rng: np.random.Generator) -> np.ndarray:
    """Keeps random channels, at least one of a group."""
    stays = np.ones(len(found.sets), bool)
    for members in groups(found).values():
        gone = rng.permutation(members)[: int(rng.integers(0, len(members)))]
        stays[gone] = False
    return stays[found.sets.roots()]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)
def test_every_block(block: Block) -> None:
    model = random_model(0, block, conv)
    found = trace(model)
    pruned = check_equal(model, found, random_keep(found, np.random.default_rng(1)))
    assert pruned.count_params() < model.count_params()


@pytest.mark.parametrize("seed", range(10))
def test_random_architectures(seed: int) -> None:
    model = random_model(100 + seed)
    found = trace(model)
    check_equal(model, found, choose(model, found, 0.4))
    check_equal(model, found, random_keep(found, np.random.default_rng(seed)))


def test_tokens() -> None:
    tokens = keras.Input((12,), dtype="int32")
    x = layers.Embedding(9, 8)(tokens)
    x = layers.Concatenate()(
        [layers.GlobalMaxPooling1D()(layers.Conv1D(6, w, padding="same")(x)) for w in (2, 3)]
    )
    model = with_random_weights(
        keras.Model(tokens, layers.Dense(2, activation="softmax")(x)), np.random.default_rng(0)
    )
    found = trace(model)
    pruned = check_equal(model, found, choose(model, found, 0.5))
    assert pruned.get_layer(model.layers[1].name).output_dim == 4


def shapes(model: keras.Model) -> dict[str, tuple[int, ...]]:
    return {layer.name: tuple(layer.output.shape[1:]) for layer in model.layers}


def test_residual_channels_go_together() -> None:
    inputs = keras.Input((6, 6, 3))
    a = layers.Conv2D(8, 3, padding="same", name="a")(inputs)
    b = layers.Conv2D(8, 3, padding="same", name="b")(a)
    total = layers.Add(name="add")([a, b])
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(total))
    model = keras.Model(inputs, layers.Dense(2)(x))
    found = trace(model)
    assert [len(group) for group in groups(found).values()] == [8]
    keep = choose(model, found, 0.5)
    np.testing.assert_array_equal(keep[found.widths["a"].channels], keep[found.widths["b"].channels])


def test_a_sum_with_the_input_stays() -> None:
    inputs = keras.Input((6, 6, 3))
    x = layers.Add()([inputs, layers.Conv2D(3, 3, padding="same", name="bound")(inputs)])
    x = layers.Conv2D(8, 3, name="free")(x)
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    found = trace(model)
    assert [len(group) for group in groups(found).values()] == [8]
    assert found.sets.reason(int(found.widths["bound"].channels[0])) == "the model's input"


def test_flatten_removes_blocks_of_inputs() -> None:
    inputs = keras.Input((4, 4, 1))
    x = layers.Flatten()(layers.Conv2D(4, 3, padding="same", name="conv")(inputs))
    model = keras.Model(inputs, layers.Dense(2, name="out")(x))
    found = trace(model)
    slot = found.slots["out", "kernel", 0]
    np.testing.assert_array_equal(slot.channels[:8], np.tile(found.widths["conv"].channels, 2))
    pruned = cut(model, found, choose(model, found, 0.5))
    assert pruned.get_layer("out").kernel.shape == (32, 2)


def test_hidden_softmax_stays_whole() -> None:
    inputs = keras.Input((4,))
    x = layers.Dense(8, activation="softmax", name="mixed")(inputs)
    x = layers.Dense(8, activation="relu", name="free")(x)
    found = trace(keras.Model(inputs, layers.Dense(2)(x)))
    assert "mixed" in str(found.sets.reason(int(found.widths["mixed"].channels[0])))
    assert found.sets.reason(int(found.widths["free"].channels[0])) is None


def test_unprovable_reshape_stays_whole() -> None:
    inputs = keras.Input((4, 4, 1))
    x = layers.Reshape((4, 4, 2, 3), name="split")(layers.Conv2D(6, 3, padding="same", name="conv")(inputs))
    found = trace(keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x))))
    assert "split" in str(found.sets.reason(int(found.widths["conv"].channels[0])))


@pytest.mark.parametrize("axis", [1, 2])
def test_batch_normalization_over_another_axis_stays_whole(axis: int) -> None:
    inputs = keras.Input((4, 4, 1))
    x = layers.BatchNormalization(axis=axis)(layers.Conv2D(6, 3, padding="same", name="conv")(inputs))
    found = trace(keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x))))
    assert found.sets.reason(int(found.widths["conv"].channels[0])) is not None


def test_open_image_size() -> None:
    inputs = keras.Input((None, None, 1))
    x = layers.Conv2D(8, 3)(layers.Conv2D(8, 3)(inputs))
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    found = trace(model)
    assert sorted(len(group) for group in groups(found).values()) == [8, 8]


def test_a_weight_that_does_not_follow_the_width_is_a_typed_error() -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(layers.Dense(8, name="hidden")(inputs)))
    found = trace(model)
    keep = choose(model, found, 0.5)
    del found.slots["hidden", "bias", -1]
    with pytest.raises(CompressionError, match="hidden"):
        cut(model, found, keep)
