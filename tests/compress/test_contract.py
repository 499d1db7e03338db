"""What every method promises, over the whole registry, on two small trained models."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from served import outputs

from trimtab.compress import registry
from trimtab.compress.base import Context
from trimtab.compress.ending import write
from trimtab.config.base import Section
from trimtab.config.chains import Ending, Step
from trimtab.config.recipes import (
    Channels,
    DynamicInt8,
    Float16,
    Int8,
    Magnitude,
    NoPrune,
    NoQuantize,
    QatInt8,
    TwoFour,
)
from trimtab.errors import CompressionError
from trimtab.models import cost
from trimtab.runtimes.litert import flatbuffer as litert
from trimtab.runtimes.registry import runtime

PRUNES = {
    "none": NoPrune(),
    "magnitude": Magnitude(sparsity=0.6, epochs=3),
    "two_four": TwoFour(epochs=6),
    "channels": Channels(ratio=0.5, epochs=3),
}
QUANTIZES = {
    "none": NoQuantize(),
    "float16": Float16(),
    "dynamic_int8": DynamicInt8(),
    "int8": Int8(calibration_examples=100),
    "qat_int8": QatInt8(epochs=1),
}
# The largest mean difference of probabilities, and the share of the float file's bytes.
CLOSE = {
    "none": (1e-5, 1.0),
    "float16": (1e-3, 0.75),
    "dynamic_int8": (0.02, 0.75),
    "int8": (0.02, 0.75),
    "qat_int8": (0.03, 0.75),
}


def quantized(model: keras.Model, method: str, params: Section, context: Context) -> bytes:
    """Returns the content of the file that LiteRT serves."""
    with tempfile.TemporaryDirectory() as directory:
        write(model, Ending(method, Step(method, params), "litert"), Path(directory), context)
        return (Path(directory) / "model.tflite").read_bytes()


def test_the_table_covers_the_registry() -> None:
    assert set(PRUNES) == set(registry.PRUNE)
    assert set(QUANTIZES) == {*registry.QUANTIZE, *runtime("litert").quantizers} == set(CLOSE)


@pytest.mark.parametrize("architecture", ["cnn", "mlp"])
@pytest.mark.parametrize("method", PRUNES)
def test_pruning(
    method: str,
    architecture: str,
    models: dict[str, keras.Model],
    context: Context,
    kept_back: np.ndarray,
    accuracy: Callable[[np.ndarray], float],
) -> None:
    model = models[architecture]
    before, expected = cost.weights_sha256(model), accuracy(np.asarray(model(kept_back)))
    pruned = registry.prune_method(method)(model, PRUNES[method], context)

    assert cost.weights_sha256(model) == before
    assert isinstance(pruned, keras.Model)
    assert (pruned.input_shape, pruned.output_shape) == (model.input_shape, model.output_shape)
    assert all(layer.dtype_policy.name == "float32" for layer in pruned.layers)
    assert accuracy(np.asarray(pruned(kept_back))) > expected - 0.1
    kernels = sum(w.numpy().size for w in model.weights if w.name == "kernel")
    depthwise = 9 * 16 if architecture == "cnn" else 0
    if method == "magnitude":
        assert cost.sparsity(pruned) == pytest.approx(0.6 * (1 - depthwise / kernels), abs=0.005)
    if method == "two_four":
        free = depthwise + (9 * 16 if architecture == "cnn" else 0)
        assert cost.sparsity(pruned) == pytest.approx(0.5 * (1 - free / kernels), abs=0.005)
    if method == "channels":
        assert cost.parameters(pruned) < 0.7 * cost.parameters(model)


@pytest.mark.parametrize("architecture", ["cnn", "mlp"])
@pytest.mark.parametrize("method", QUANTIZES)
def test_quantization(
    method: str,
    architecture: str,
    models: dict[str, keras.Model],
    context: Context,
    kept_back: np.ndarray,
    accuracy: Callable[[np.ndarray], float],
) -> None:
    model = models[architecture]
    before, expected = cost.weights_sha256(model), np.asarray(model(kept_back))
    flatbuffer = quantized(model, method, QUANTIZES[method], context)
    full = quantized(model, "none", NoQuantize(), context)

    assert cost.weights_sha256(model) == before
    found = outputs(flatbuffer, kept_back)
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    difference, share = CLOSE[method]
    assert float(np.abs(found - expected).mean()) < difference
    assert accuracy(found) > accuracy(expected) - 0.03
    assert len(flatbuffer) <= share * len(full)
    assert (litert.int8_operators(flatbuffer) > 0) == method.endswith("int8")


@pytest.mark.parametrize("method", ["magnitude", "two_four"])
def test_the_same_seed_prunes_the_same(method: str, models: dict[str, keras.Model], context: Context) -> None:
    prune = registry.prune_method(method)
    first, second = (prune(models["mlp"], PRUNES[method], context) for _ in range(2))
    assert cost.weights_sha256(first) == cost.weights_sha256(second)


@pytest.mark.parametrize("method", ["magnitude", "two_four", "channels"])
def test_a_model_with_nothing_to_prune_is_refused(method: str, context: Context) -> None:
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.layers.Softmax()(keras.layers.Flatten()(inputs)), name="bare")
    with pytest.raises(CompressionError):
        registry.prune_method(method)(model, PRUNES[method], context)


@pytest.mark.parametrize("method", ["float16", "dynamic_int8", "int8", "qat_int8"])
def test_a_model_with_nothing_to_quantize_is_refused(method: str, context: Context) -> None:
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.layers.Flatten()(keras.ops.cos(inputs)), name="bare")
    with pytest.raises(CompressionError):
        quantized(model, method, QUANTIZES[method], context)


@pytest.mark.parametrize("method", QUANTIZES)
def test_an_operation_that_litert_lacks_is_refused_in_one_sentence(method: str, context: Context) -> None:
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dense(64, name="dense")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.ops.erfinv(x / 1000), name="odd")
    with pytest.raises(CompressionError) as caught:
        quantized(model, method, QUANTIZES[method], context)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 200
    if method != "qat_int8":
        assert "Erfinv" in caught.value.message


def test_a_float_file_that_disagrees_is_an_error(
    models: dict[str, keras.Model], context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = quantized(models["mlp"], "none", NoQuantize(), context)
    monkeypatch.setattr("trimtab.runtimes.litert.quantized", lambda *_: other)
    with pytest.raises(CompressionError, match="outputs differ by"):
        quantized(models["cnn"], "none", NoQuantize(), context)
