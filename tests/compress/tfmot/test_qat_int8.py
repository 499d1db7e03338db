"""Quantization-aware training: what is quantized, what folds, and that it helps rather than harms."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers
from served import outputs

from trimtab.artifacts.traits import Traits
from trimtab.compress import traits
from trimtab.compress.base import Context
from trimtab.compress.magnitude import Magnitude, MagnitudePruning
from trimtab.compress.qat import Qat
from trimtab.compress.tfmot import ranges
from trimtab.compress.tfmot.qat_int8 import PASS
from trimtab.errors import CompressionError
from trimtab.runtimes.litert import flatbuffer as litert

magnitude = MagnitudePruning()
ONE = Qat(epochs=1)
STILL = Qat(epochs=1, learning_rate_factor=1e-4)
"""Trains next to nothing."""


def qat_int8(model: keras.Model, params: Qat, context: Context) -> bytes:
    (content,) = PASS(model, params, context).values()
    return content


def operators(flatbuffer: bytes) -> list[str]:
    interpreter = Interpreter(model_content=flatbuffer, experimental_op_resolver_type=_reference())
    return [detail["op_name"] for detail in interpreter._get_ops_details()]


def _reference() -> object:
    from ai_edge_litert.interpreter import OpResolverType

    return OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def kernel(flatbuffer: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the 8-bit kernel of a shape in LiteRT's layout."""
    interpreter = Interpreter(model_content=flatbuffer, experimental_op_resolver_type=_reference())
    interpreter.allocate_tensors()
    (found,) = (
        detail["index"]
        for detail in interpreter.get_tensor_details()
        if detail["dtype"] == np.int8 and tuple(detail["shape"]) == shape
    )
    return np.asarray(interpreter.get_tensor(found))


@pytest.mark.slow
def test_everything_is_quantized_and_batch_norm_folds(
    models: dict[str, keras.Model], context: Context
) -> None:
    found = operators(qat_int8(models["cnn"], ONE, context))
    assert [name for name in found if name not in ("QUANTIZE", "DEQUANTIZE")] == [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "CONV_2D",
        "ADD",
        "MAX_POOL_2D",
        "RESHAPE",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]


def _plus() -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(inputs)
    x = x + layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Flatten()(x[:, 1:])))


def test_one_unknown_operation_takes_the_method_from_nothing_else(context: Context) -> None:
    keras.utils.set_random_seed(0)
    model = _plus()
    pruned = magnitude(model, Magnitude(sparsity=0.5, epochs=1, spare_ends=False), context)
    assert (np.asarray(pruned.get_layer("first").kernel) == 0).mean() == pytest.approx(0.5, abs=0.02)
    assert litert.int8_operators(qat_int8(model, ONE, context)) == 3


def test_a_dense_part_that_stays_in_floats_is_given_floats(context: Context, kept_back: np.ndarray) -> None:
    """The converter gives it 8 bits, which no runtime loads."""
    inputs = keras.Input((8, 8, 1))
    x = layers.Dense(12, activation="relu")(layers.Reshape((8, 8))(inputs))
    x = layers.EinsumDense("btd,dhk->bthk", (8, 2, 6), name="heads")(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Flatten()(x)))
    found = qat_int8(model, STILL, context)
    assert operators(found).count("DEQUANTIZE") == 2
    np.testing.assert_allclose(outputs(found, kept_back[:50]), model(kept_back[:50]), atol=0.05)


@pytest.fixture(scope="module")
def pruned(models: dict[str, keras.Model], context: Context) -> keras.Model:
    """Returns a network of which 70 % are zeros; nobody may change it."""
    return magnitude(models["mlp"], Magnitude(sparsity=0.7, epochs=2), context)


def test_zeros_of_a_pruned_model_survive(pruned: keras.Model, context: Context) -> None:
    flatbuffer = qat_int8(pruned, ONE, context)
    assert (kernel(flatbuffer, (32, 64)) == 0).mean() >= 0.69


def test_without_the_preserving_scheme_they_would_not(
    pruned: keras.Model, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traits, "measure", lambda model: Traits())
    flatbuffer = qat_int8(pruned, Qat(epochs=2, learning_rate_factor=1.0), context)
    assert (kernel(flatbuffer, (32, 64)) == 0).mean() < 0.4


def test_large_outputs_are_not_cut_at_six(
    models: dict[str, keras.Model],
    context: Context,
    kept_back: np.ndarray,
    accuracy: Callable[[np.ndarray], float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = keras.models.clone_model(models["mlp"])
    model.set_weights(models["mlp"].get_weights())
    out = model.get_layer("out")
    out.set_weights([weight * 5 for weight in out.get_weights()])
    expected = np.asarray(model(kept_back)).argmax(axis=1)

    def agreement() -> float:
        return float((outputs(qat_int8(model, STILL, context), kept_back).argmax(axis=1) == expected).mean())

    assert agreement() > 0.97
    monkeypatch.setattr(ranges, "start_ranges", lambda twin, examples: None)
    assert agreement() < 0.95


def test_layers_that_tfmot_refuses_stay_in_float(context: Context, kept_back: np.ndarray) -> None:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 1))
    x = layers.LayerNormalization()(layers.Flatten()(inputs))
    x = layers.BatchNormalization()(x)
    x = layers.Dense(32, activation="elu")(x)
    x = layers.ELU()(layers.Dense(32, name="quantized")(x))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    flatbuffer = qat_int8(model, STILL, context)
    assert litert.int8_operators(flatbuffer) >= 2
    found = outputs(flatbuffer, kept_back[:50])
    np.testing.assert_allclose(found, np.asarray(model(kept_back[:50])), atol=0.05)


@pytest.mark.slow
def test_separable_grouped_transposed_and_concatenated(context: Context, kept_back: np.ndarray) -> None:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    a = layers.ReLU()(layers.BatchNormalization()(layers.SeparableConv2D(8, 3, padding="same")(x)))
    b = layers.Conv2D(8, 3, padding="same", groups=2, activation="relu")(x)
    x = layers.Concatenate()([a, b])
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(layers.AveragePooling2D(2)(x))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    flatbuffer = qat_int8(model, STILL, context)
    assert litert.int8_operators(flatbuffer) >= 7
    found = outputs(flatbuffer, kept_back[:50])
    np.testing.assert_allclose(found, np.asarray(model(kept_back[:50])), atol=0.05)


def test_a_model_without_a_layer_for_tfmot_is_refused_by_kind() -> None:
    inputs = keras.Input((12, 4))
    x = layers.GlobalMaxPooling1D()(layers.Conv1D(8, 3, name="conv")(inputs))
    model = keras.Model(inputs, layers.Softmax()(x), name="sequence")
    x = np.zeros((4, 12, 4), np.float32)
    context = Context(
        seed=0,
        task="classification",
        steps_per_epoch=1,
        fine_tune=lambda model, tuning, **given: None,
        calibration=lambda n: x[:n],
        say=lambda text: None,
    )
    with pytest.raises(CompressionError, match="Conv1D") as caught:
        qat_int8(model, ONE, context)
    assert "dynamic_int8" in (caught.value.hint or "")
