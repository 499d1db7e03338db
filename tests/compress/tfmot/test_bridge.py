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
from trimtab.models import cost

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
    np.testing.assert_allclose(bridge.bring_back(model, twin)(VECTORS), model(VECTORS), rtol=1e-5)


def test_nested_and_sequential_models_are_flattened() -> None:
    inner = keras.Sequential(
        [keras.Input((9,)), layers.Dense(8, name="a"), layers.BatchNormalization(name="b")]
    )
    inputs = keras.Input((9,))
    model = shaken(keras.Model(inputs, layers.Dense(3, name="c")(inner(inputs))))
    flat = bridge.flat(model)
    twin = bridge.build_twin(flat, VECTORS)
    assert [layer.name for layer in twin.layers if layer.weights] == ["twin_a", "twin_b", "twin_c"]
    np.testing.assert_allclose(bridge.bring_back(flat, twin)(VECTORS), model(VECTORS), rtol=1e-5)


def test_what_comes_back_is_new_and_the_original_stays(
    models: dict[str, keras.Model], kept_back: np.ndarray
) -> None:
    model = models["cnn"]
    before = cost.weights_sha256(model)
    twin = bridge.build_twin(model, kept_back[:4])
    unchanged = bridge.bring_back(model, twin)
    assert cost.weights_sha256(unchanged) == before
    twin.get_layer("twin_out").set_weights([np.zeros((256, 10)), np.ones(10)])
    changed = bridge.bring_back(model, twin)
    assert cost.weights_sha256(model) == before
    assert np.asarray(changed(kept_back[:4])).std() == 0
    assert changed.get_layer("relu_2").max_value == 6.0


@pytest.mark.parametrize(
    ("layer", "x", "named"),
    [
        (lambda: layers.LSTM(4, name="memory"), SEQUENCES, r"layer memory \(LSTM\)"),
        (lambda: layers.GroupNormalization(3, name="groups"), IMAGES, r"layer groups \(GroupNormalization\)"),
        (lambda: layers.Dense(4, kernel_constraint="non_neg", name="odd"), VECTORS, "kernel_constraint"),
        (lambda: layers.Activation("hard_silu", name="hard"), VECTORS, r"layer hard \(Activation\)"),
    ],
)
def test_a_layer_without_a_twin_is_named(layer: Callable[[], keras.Layer], x: np.ndarray, named: str) -> None:
    with pytest.raises(CompressionError, match=named) as caught:
        bridge.build_twin(on(x, layer()), x)
    assert "channels" in (caught.value.hint or "")


def test_an_operation_that_is_no_layer_is_named() -> None:
    inputs = keras.Input((9,))
    with pytest.raises(CompressionError, match="Multiply"):
        bridge.build_twin(keras.Model(inputs, layers.Dense(3)(inputs * 2.0)), VECTORS)


def test_an_own_layer_that_borrows_a_known_name_is_refused() -> None:
    class Dense(layers.Dense):
        def call(self, inputs: object) -> object:
            return super().call(inputs) * 2

    with pytest.raises(CompressionError, match="has no twin"):
        bridge.build_twin(on(VECTORS, Dense(4)), VECTORS)


def test_an_activation_that_means_something_else_is_refused() -> None:
    # Keras 3: relu6(x + 3) / 6; tf_keras: 0.2 x + 0.5.
    with pytest.raises(CompressionError, match="computes something else"):
        bridge.build_twin(on(VECTORS, layers.Activation("hard_sigmoid")), VECTORS)


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
