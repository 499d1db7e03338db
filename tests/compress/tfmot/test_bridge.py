"""Keras 3 models and their tf_keras twins."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.compress.tfmot import bridge
from trimtab.errors import CompressionError

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(4, 12, 12, 3)).astype(np.float32)
SEQUENCES = RNG.normal(size=(4, 12, 6)).astype(np.float32)
VECTORS = RNG.normal(size=(4, 9)).astype(np.float32)

ON_IMAGES: dict[str, Callable[[], keras.Layer]] = {
    "average pooling": lambda: layers.AveragePooling2D(3, strides=2, padding="same"),
    "batch norm": lambda: layers.BatchNormalization(epsilon=1e-2, momentum=0.7),
    "batch norm without scale": lambda: layers.BatchNormalization(scale=False),
    "conv": lambda: layers.Conv2D(5, (3, 2), strides=2, padding="same", activation="relu"),
    "cropping": lambda: layers.Cropping2D(((1, 2), (0, 1))),
    "depthwise": lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", use_bias=False),
    "dilated conv": lambda: layers.Conv2D(4, 3, dilation_rate=2, kernel_regularizer="l2"),
    "dropout": lambda: layers.Dropout(0.4),
    "elu": lambda: layers.ELU(0.5),
    "gelu": lambda: layers.Activation("gelu"),
    "global average": lambda: layers.GlobalAveragePooling2D(keepdims=True),
    "global max": lambda: layers.GlobalMaxPooling2D(),
    "grouped conv": lambda: layers.Conv2D(6, 3, groups=3),
    "layer norm": lambda: layers.LayerNormalization(epsilon=1e-3),
    "leaky relu": lambda: layers.LeakyReLU(negative_slope=0.2),
    "max pooling": lambda: layers.MaxPooling2D((2, 3)),
    "permute": lambda: layers.Permute((3, 1, 2)),
    "prelu": lambda: layers.PReLU(shared_axes=(1, 2)),
    "relu6": lambda: layers.ReLU(max_value=6.0, negative_slope=0.1, threshold=0.2),
    "rescaling": lambda: layers.Rescaling(1 / 127.5, offset=-1),
    "reshape": lambda: layers.Reshape((6, -1)),
    "separable": lambda: layers.SeparableConv2D(4, 3, depth_multiplier=2, activation="tanh"),
    "spatial dropout": lambda: layers.SpatialDropout2D(0.3),
    "transposed": lambda: layers.Conv2DTranspose(4, 3, strides=2, padding="same"),
    "up": lambda: layers.UpSampling2D((2, 1), interpolation="bilinear"),
    "zero padding": lambda: layers.ZeroPadding2D(((0, 1), (2, 0))),
}
ON_SEQUENCES: dict[str, Callable[[], keras.Layer]] = {
    "average pooling": lambda: layers.AveragePooling1D(2),
    "causal conv": lambda: layers.Conv1D(4, 3, padding="causal", activation="silu"),
    "conv": lambda: layers.Conv1D(4, 3, padding="same"),
    "dense": lambda: layers.Dense(7, activation="softmax"),
    "einsum dense": lambda: layers.EinsumDense("btd,dh->bth", (12, 7), bias_axes="h", activation="relu"),
    "global average": lambda: layers.GlobalAveragePooling1D(),
    "global max": lambda: layers.GlobalMaxPooling1D(),
    "max pooling": lambda: layers.MaxPooling1D(2),
    "separable": lambda: layers.SeparableConv1D(4, 3),
    "spatial dropout": lambda: layers.SpatialDropout1D(0.3),
    "up": lambda: layers.UpSampling1D(2),
    "zero padding": lambda: layers.ZeroPadding1D((1, 2)),
}


def shaken(model: keras.Model) -> keras.Model:
    """Returns the model with other weights than initial ones: a gamma that is not 1, a mean that is not 0."""
    generator = np.random.default_rng(1)
    model.set_weights(
        [generator.uniform(0.2, 0.8, weight.shape).astype(np.float32) for weight in model.get_weights()]
    )
    return model


def on(x: np.ndarray, layer: keras.Layer) -> keras.Model:
    inputs = keras.Input(x.shape[1:])
    return shaken(keras.Model(inputs, layer(inputs)))


@pytest.mark.parametrize("name", ON_IMAGES)
def test_image_layers(name: str) -> None:
    model = on(IMAGES, ON_IMAGES[name]())
    twin = bridge.build_twin(model, IMAGES)
    np.testing.assert_allclose(twin(IMAGES), model(IMAGES), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ON_SEQUENCES)
def test_sequence_layers(name: str) -> None:
    model = on(SEQUENCES, ON_SEQUENCES[name]())
    twin = bridge.build_twin(model, SEQUENCES)
    np.testing.assert_allclose(twin(SEQUENCES), model(SEQUENCES), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "merge", ["Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"]
)
def test_merges(merge: str) -> None:
    inputs = keras.Input((9,))
    a, b = layers.Dense(5)(inputs), layers.Dense(5)(inputs)
    model = shaken(keras.Model(inputs, getattr(layers, merge)()([a, b])))
    np.testing.assert_allclose(
        bridge.build_twin(model, VECTORS)(VECTORS), model(VECTORS), rtol=1e-5, atol=1e-5
    )


def test_tokens() -> None:
    inputs = keras.Input((12,), dtype="int32")
    x = layers.GlobalMaxPooling1D()(layers.Conv1D(4, 3)(layers.Embedding(30, 8)(inputs)))
    model = shaken(keras.Model(inputs, x))
    tokens = RNG.integers(0, 30, (4, 12)).astype(np.int32)
    np.testing.assert_allclose(bridge.build_twin(model, tokens)(tokens), model(tokens), rtol=1e-5, atol=1e-5)


def test_a_shared_layer_stays_shared() -> None:
    shared, inputs = layers.Dense(9, name="shared"), keras.Input((9,))
    model = shaken(keras.Model(inputs, shared(shared(inputs))))
    twin = bridge.build_twin(model, VECTORS)
    assert len(twin.weights) == 2
    np.testing.assert_allclose(twin(VECTORS), model(VECTORS), rtol=1e-5)


def test_any_name_of_a_layer_will_do() -> None:
    inputs = keras.Input((9,), name="my input: x²")
    model = shaken(keras.Model(inputs, layers.Dense(4, name="a layer (1)")(inputs), name="a model"))
    twin = bridge.build_twin(model, VECTORS)
    np.testing.assert_allclose(twin(VECTORS), model(VECTORS), rtol=1e-5)


def test_nested_and_sequential_models_are_flattened() -> None:
    inner = keras.Sequential(
        [keras.Input((9,)), layers.Dense(8, name="a"), layers.BatchNormalization(name="b")]
    )
    inputs = keras.Input((9,))
    model = shaken(keras.Model(inputs, layers.Dense(3, name="c")(inner(inputs))))
    flat = bridge.flat(model)
    twin = bridge.build_twin(flat, VECTORS)
    assert [layer.name for layer in twin.layers if layer.weights] == ["twin_a", "twin_b", "twin_c"]
    np.testing.assert_allclose(twin(VECTORS), model(VECTORS), rtol=1e-5)


class Own(layers.Dense):
    """A user's own, with a known name."""

    def call(self, inputs: object) -> object:
        return super().call(inputs) * 2


Own.__name__ = "Dense"

WITHOUT_TWIN: dict[str, tuple[Callable[[], keras.Layer], np.ndarray]] = {
    "lstm": (lambda: layers.LSTM(4), SEQUENCES),
    "both ways": (lambda: layers.Bidirectional(layers.GRU(4)), SEQUENCES),
    "by step": (lambda: layers.TimeDistributed(layers.Dense(4)), SEQUENCES),
    "group norm": (lambda: layers.GroupNormalization(3), IMAGES),
    "hard silu": (lambda: layers.Activation("hard_silu"), VECTORS),
    "hard sigmoid": (lambda: layers.Activation("hard_sigmoid"), VECTORS),
    "dense with a layer in it": (lambda: layers.Dense(4, activation=layers.LeakyReLU()), VECTORS),
    "own": (lambda: Own(4), VECTORS),
}


@pytest.mark.parametrize("name", WITHOUT_TWIN)
def test_a_layer_without_a_twin_stays_as_it_is_and_learns(name: str) -> None:
    make, x = WITHOUT_TWIN[name]
    model = bridge.flat(on(x, make()))
    twin = bridge.build_twin(model, x)
    assert [type(layer).__name__ for layer in twin.layers] == ["InputLayer", "Untouched"]
    expected = np.asarray(model(x))
    twin.compile("sgd", "mse")
    twin.fit(x, np.zeros_like(expected), epochs=1, verbose=0)
    np.testing.assert_array_equal(model(x), expected)
    assert bool(model.weights) == (not np.allclose(twin(x), expected, atol=1e-7))


def test_operations_that_are_no_layers_stay_as_they_are() -> None:
    inputs = keras.Input((9,))
    x = layers.Dense(8, activation="relu", name="known")(inputs)
    first, second = keras.ops.split(x[:, 2:], 2, axis=1)
    x = keras.ops.concatenate([first * 2.0, keras.ops.rsqrt(second + 1.0)], axis=1)
    model = shaken(keras.Model(inputs, layers.Dense(3)(x + keras.ops.var(x, axis=1, keepdims=True))))
    twin = bridge.build_twin(bridge.flat(model), VECTORS)
    np.testing.assert_allclose(twin(VECTORS), model(VECTORS), atol=1e-5)
    assert type(twin.get_layer("twin_known")).__name__ == "Dense"


def test_a_mask_is_a_tensor_like_any_other() -> None:
    inputs = keras.Input((6,), dtype="int32")
    x = layers.LSTM(4)(layers.Embedding(5, 3, mask_zero=True)(inputs))
    model = shaken(keras.Model(inputs, layers.Dense(2)(x)))
    tokens = np.array([[1, 2, 0, 0, 0, 0], [3, 1, 4, 2, 0, 0]], np.int32)
    twin = bridge.build_twin(bridge.flat(model), tokens)
    np.testing.assert_allclose(twin(tokens), model(tokens), atol=1e-5)


def test_what_drops_values_at_random_does_so_in_training_alone() -> None:
    inputs = keras.Input(SEQUENCES.shape[1:])
    attended = layers.MultiHeadAttention(2, 4, dropout=0.5)(inputs, inputs)
    model = bridge.flat(keras.Model(inputs, attended))
    twin = bridge.build_twin(model, SEQUENCES)
    first, second = (np.asarray(twin(SEQUENCES, training=True)) for _ in range(2))
    assert not np.allclose(first, second)
    np.testing.assert_allclose(twin(SEQUENCES), model(SEQUENCES), atol=1e-5)


def test_one_that_is_called_in_two_ways_is_named() -> None:
    inputs = keras.Input(SEQUENCES.shape[1:])
    attention = layers.MultiHeadAttention(2, 4, name="two_ways")
    x = attention(attention(inputs, inputs), inputs, key=inputs)
    with pytest.raises(CompressionError, match=r"two_ways .* with other arguments"):
        bridge.build_twin(bridge.flat(keras.Model(inputs, x)), SEQUENCES)


def test_a_setting_that_tfmot_would_not_keep_is_named() -> None:
    with pytest.raises(CompressionError, match=r"layer odd \(Dense\) has a kernel_constraint") as caught:
        bridge.build_twin(on(VECTORS, layers.Dense(4, kernel_constraint="non_neg", name="odd")), VECTORS)
    assert "channels" in (caught.value.hint or "")


@pytest.mark.slow
def test_keras_3_stays_usable_beside_tfmot(tmp_path: Path) -> None:
    script = """
import os, sys
import keras, numpy as np
from trimtab.registry import PASSES, module
for name in PASSES: module(PASSES, name)
assert "TF_USE_LEGACY_KERAS" not in os.environ and "tf_keras" not in sys.modules
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)])
import tensorflow_model_optimization
assert os.environ["TF_USE_LEGACY_KERAS"] == "1"
assert keras.__version__.startswith("3.")
x = np.ones((8, 4), "float32")
model.compile("adam", "mse")
model.fit(x, np.ones((8, 2)), verbose=0)
model.save(sys.argv[1])
again = keras.saving.load_model(sys.argv[1])
np.testing.assert_array_equal(again(x), model(x))
from pathlib import Path
from trimtab.compress.ending import difference
from trimtab.runtimes.registry import runtime
from trimtab.runtimes.quantizations import Float32
directory = Path(sys.argv[1]).parent
runtime("litert").convert(model, "none", Float32(), directory, None)
assert difference(model, runtime("litert"), directory, {"input": x}) < 1e-5
assert type(model).__module__.startswith("keras.") and type(keras.Input((2,))).__module__.startswith("keras.")
"""
    # Another test of this process may have imported TFMOT, which leaves its mark in the environment.
    environment = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    command = [sys.executable, "-c", script, str(tmp_path / "m.keras")]
    subprocess.run(command, check=True, env=environment)
