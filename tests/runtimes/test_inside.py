"""What every runtime shows of the inside of its files, over the registry and a toy one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from trimtab import registry
from trimtab.batch import INPUT, OUTPUT, Batch
from trimtab.compress.layers import layers
from trimtab.runtimes.base import Runtime
from trimtab.runtimes.counters import typical
from trimtab.runtimes.registry import is_installed, runtime


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.RUNTIMES, "numpy", "numpy_runtime")


@pytest.fixture(params=[*registry.RUNTIMES, "numpy"])
def serving(request: pytest.FixtureRequest) -> Runtime:
    if not is_installed(request.param):
        pytest.skip(f"the runtime {request.param} is not installed")
    return runtime(request.param)


@pytest.fixture(params=["none", "int8"])
def quantizer(request: pytest.FixtureRequest, serving: Runtime) -> str:
    if request.param not in serving.quantizers:
        pytest.skip(f"{serving.name} has no {request.param}")
    return str(request.param)


@pytest.fixture
def examples(digits: tuple[np.ndarray, np.ndarray]) -> Batch:
    return {INPUT: digits[0][:6]}


@pytest.fixture(params=["cnn", "mlp"])
def model(request: pytest.FixtureRequest, serving: Runtime, models: dict[str, keras.Model]) -> keras.Model:
    if serving.name == "numpy" and request.param == "cnn":
        pytest.skip("the toy runtime knows dense layers alone")
    return models[request.param]


@pytest.fixture
def files(
    serving: Runtime,
    quantizer: str,
    model: keras.Model,
    calibration: Callable[[int], Batch],
    tmp_path: Path,
) -> Path:
    serving.convert(model, quantizer, serving.quantizers[quantizer].params(), tmp_path, calibration)
    return tmp_path


@pytest.fixture
def calibration(digits: tuple[np.ndarray, np.ndarray]) -> Callable[[int], Batch]:
    return lambda n: {INPUT: digits[0][:n]}


def test_operators_answer_as_the_whole_does(
    serving: Runtime, quantizer: str, files: Path, examples: Batch
) -> None:
    found = serving.operators(files, examples)
    last = [one.output for one in found if one.output is not None][-1]
    whole = serving.load(files).predict(examples)[OUTPUT]
    assert np.abs(last.reshape(whole.shape) - whole).max() < (1e-4 if quantizer == "none" else 0.05)
    assert sum(one.size_bytes for one in found) > 0


def test_each_layer_is_found_and_floats_are_keras_own(
    serving: Runtime, quantizer: str, model: keras.Model, files: Path, examples: Batch
) -> None:
    found = layers(model, serving, files, examples)
    assert found.why_not == ""
    named = {name for layer in found.layers for name in layer.name.split(" + ")}
    weighty = {layer.name for layer in model.layers if layer.count_params()}
    assert weighty <= named, "no layer with weights is lost"
    errors = [layer.error for layer in found.layers if layer.error is not None]
    assert len(errors) >= len(weighty) - 1
    assert max(errors) < (1e-4 if quantizer == "none" else 0.5)
    if quantizer == "int8":
        assert max(errors) > 1e-4, "8 bits are not exact"


def test_bytes_of_layers_are_those_of_the_weights(
    serving: Runtime, quantizer: str, model: keras.Model, files: Path, examples: Batch
) -> None:
    kernels = sum(
        int(layer.kernel.shape.num_elements()) for layer in model.layers if hasattr(layer, "kernel")
    )
    found = sum(layer.size_bytes for layer in layers(model, serving, files, examples).layers)
    each = 4 if quantizer == "none" else 1
    assert each * kernels <= found <= 1.35 * each * kernels + 1_000


def test_weights_are_the_kernels_in_numbers(
    serving: Runtime, quantizer: str, model: keras.Model, files: Path
) -> None:
    found = serving.weights(files)
    if not found:
        assert serving.name in ("onnxruntime", "openvino"), "the docs say which runtimes show none"
        return
    dense = [layer.kernel.numpy() for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for mine, kernel in zip(list(found.values())[-len(dense) :], dense, strict=True):
        step = 0 if quantizer == "none" else np.abs(kernel).max() / 127
        np.testing.assert_allclose(np.sort(mine), np.sort(kernel, None), atol=step / 2 + 1e-6)
    if quantizer == "int8":
        assert len(np.unique(found[next(iter(found))])) <= 255 * model.layers[1].output.shape[-1]


def test_times_are_positive_or_told_why_not(serving: Runtime, files: Path, examples: Batch) -> None:
    times = serving.times(files, examples)
    assert times.how
    assert all(spent >= 0 for _, _, spent in times.operators)
    if serving.name != "numpy":
        assert sum(spent for _, _, spent in times.operators) > 0


def test_a_busy_machine_hardly_shows_in_counted_times() -> None:
    runs = [("a", "Conv", 2.0)] * 9 + [("a", "Conv", 900.0)] + [("b", "Add", 0.0)] * 10
    assert typical(runs, "counted").operators == (("a", "Conv", 2.0), ("b", "Add", 0.0))


def test_an_operator_that_layers_were_fused_into_is_the_last_of_them(
    serving: Runtime, calibration: Callable[[int], Batch], examples: Batch, tmp_path: Path
) -> None:
    """LiteRT names such an operator after all of its layers, the activation not first."""
    if serving.name == "numpy":
        pytest.skip("the toy runtime knows dense layers alone")
    shape = examples[INPUT].shape[1:]
    steps = [keras.Input(shape, name=INPUT), keras.layers.Flatten(), keras.layers.Dense(8, name="wide")]
    named = [keras.layers.ReLU(name="cut"), keras.layers.Dense(3, activation="softmax", name=OUTPUT)]
    model = keras.Sequential([*steps, *named])
    serving.convert(model, "none", serving.quantizers["none"].params(), tmp_path, calibration)
    found = layers(model, serving, tmp_path, examples).layers
    assert max(layer.error or 0.0 for layer in found) < 1e-4
    assert any(layer.name.endswith("wide + cut") or layer.name == "cut" for layer in found)
