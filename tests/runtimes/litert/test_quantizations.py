"""What each way to quantize does to the file, to zeros, and to the data it looks at."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers
from served import outputs

from trimtab.batch import INPUT
from trimtab.compress.base import Context
from trimtab.errors import CompressionError
from trimtab.runtimes.litert import flatbuffer as litert
from trimtab.runtimes.litert.convert import convert
from trimtab.runtimes.litert.quantizations import int8, quantized
from trimtab.runtimes.quantizations import DynamicInt8, Float16, Int8

PARAMS: dict[str, Any] = {"float16": Float16(), "dynamic_int8": DynamicInt8(), "int8": Int8()}


def made(model: keras.Model, method: str, context: Context, **params: Any) -> bytes:
    """Returns the content of a file."""

    if method != "int8":
        return quantized(model, method)
    asked = PARAMS["int8"].model_copy(update=params)
    return int8(model, {INPUT: context.calibration(asked.calibration_examples)})("min_max")


def tensors(flatbuffer: bytes, dtype: Any) -> list[np.ndarray]:
    """Returns the constant tensors of a type; without XNNPACK, which would take them away."""
    interpreter = Interpreter(model_content=flatbuffer, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    found = []
    for detail in interpreter.get_tensor_details():
        if detail["dtype"] == dtype and len(detail["shape"]) > 1:
            try:
                found.append((detail, interpreter.get_tensor(detail["index"])))
            except ValueError:
                continue
    return found


def zeros_of(flatbuffer: bytes, shape: tuple[int, ...]) -> float:
    """Returns the share of zeros in the 8-bit kernel of a shape, as LiteRT lays it out."""
    kernels = [
        (detail["quantization_parameters"]["zero_points"], value)
        for detail, value in tensors(flatbuffer, np.int8)
        if tuple(detail["shape"]) == shape
    ]
    assert len(kernels) == 1
    ((points, kernel),) = kernels
    assert not points.any()
    return float((kernel == 0).mean())


@pytest.fixture
def sparse(models: dict[str, keras.Model]) -> keras.Model:
    """Returns the MLP with 70 % of the smallest weights of its first kernel set to zero."""
    model = keras.models.clone_model(models["mlp"])
    model.set_weights(models["mlp"].get_weights())
    kernel, bias = model.get_layer("dense_1").get_weights()
    kernel[np.abs(kernel) < np.quantile(np.abs(kernel), 0.7)] = 0
    model.get_layer("dense_1").set_weights([kernel, bias])
    return model


@pytest.mark.parametrize("method", ["dynamic_int8", "int8"])
def test_zeros_survive(method: str, sparse: keras.Model, context: Context) -> None:
    flatbuffer = made(sparse, method, context)
    assert zeros_of(flatbuffer, (32, 64)) >= 0.7 - 1e-3


def test_float16_halves_the_weights(models: dict[str, keras.Model], context: Context) -> None:
    flatbuffer = made(models["mlp"], "float16", context)
    assert litert.float16_constants(flatbuffer) >= 3
    saved = len(convert(models["mlp"])) - len(flatbuffer)
    assert saved > 0.4 * 4 * models["mlp"].count_params()


def test_dynamic_int8_says_why_a_tiny_model_gains_nothing(context: Context) -> None:
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, layers.Dense(10)(layers.Flatten()(inputs)))
    with pytest.raises(CompressionError, match="fewer than 1,024 weights"):
        made(model, "dynamic_int8", context)
    assert litert.int8_operators(made(model, "int8", context)) > 0


def test_quantized_operators_are_counted(models: dict[str, keras.Model], context: Context) -> None:
    assert litert.int8_operators(convert(models["cnn"])) == 0
    # Three convolutions, add, pooling, fully connected and softmax; the reshape only moves data.
    assert litert.int8_operators(made(models["cnn"], "int8", context)) == 7


def test_int8_asks_for_as_many_training_examples_as_configured(
    models: dict[str, keras.Model], context: Context
) -> None:
    asked: list[int] = []

    def calibration(n: int) -> np.ndarray:
        asked.append(n)
        return context.calibration(n)

    made(
        models["mlp"],
        "int8",
        dataclasses.replace(context, calibration=calibration),
        calibration_examples=37,
    )
    assert asked == [37]


def test_int8_ranges_come_from_the_examples(models: dict[str, keras.Model], context: Context) -> None:
    def scale(examples: np.ndarray) -> float:
        found = dataclasses.replace(context, calibration=lambda n: examples[:n])
        interpreter = Interpreter(model_content=made(models["mlp"], "int8", found))
        first = [
            d for d in interpreter.get_tensor_details() if d["dtype"] == np.int8 and len(d["shape"]) == 4
        ]
        return float(first[0]["quantization"][0])

    bright = context.calibration(200)
    assert scale(bright) == pytest.approx(1 / 255, rel=0.01)
    assert scale(bright * 0.5) == pytest.approx(0.5 / 255, rel=0.01)


def test_int8_takes_tokens_and_keeps_them_int32() -> None:
    inputs = keras.Input((12,), dtype="int32")
    x = layers.Conv1D(16, 3, activation="relu")(layers.Embedding(100, 16)(inputs))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.GlobalMaxPooling1D()(x)))
    tokens = np.random.default_rng(0).integers(0, 100, (50, 12)).astype(np.int32)
    for method in PARAMS:
        flatbuffer = made(model, method, _context(tokens))
        details = Interpreter(model_content=flatbuffer)
        assert details.get_input_details()[0]["dtype"] == np.int32
        assert details.get_output_details()[0]["dtype"] == np.float32
        difference = np.abs(outputs(flatbuffer, tokens) - np.asarray(model(tokens)))
        assert float(difference.max()) < 0.02


def test_an_operation_without_an_8_bit_kernel_stays_in_float(context: Context) -> None:
    inputs = keras.Input((8, 8, 1))
    x = layers.Dense(64, name="dense")(layers.Flatten()(inputs))
    model = keras.Model(inputs, layers.Dense(4)(keras.ops.cos(x)))
    flatbuffer = made(model, "int8", context)
    x = context.calibration(20)
    assert litert.int8_operators(flatbuffer) == 2
    np.testing.assert_allclose(outputs(flatbuffer, x), np.asarray(model(x)), atol=0.1)


def _context(x: np.ndarray) -> Context:
    return Context(
        seed=0,
        task="classification",
        steps_per_epoch=1,
        fine_tune=lambda model, tuning, **given: None,
        calibration=lambda n: x[:n],
        say=lambda text: None,
    )
