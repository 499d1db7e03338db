"""What every runtime promises, over the whole registry and a toy one, on two small trained models."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest
from numpy_runtime import RUNTIME as TOY

from trimtab import registry
from trimtab.batch import INPUT, OUTPUT, Batch, take
from trimtab.deploy.golden import tolerance
from trimtab.errors import CompressionError, ConfigError, ModelError
from trimtab.models.tensors import answer
from trimtab.runtimes import files
from trimtab.runtimes.base import Runtime
from trimtab.runtimes.registry import is_installed, runtime

RUNTIMES = [*registry.RUNTIMES, "numpy"]
Converted = Callable[[Runtime, keras.Model, str], Path]
ARCHITECTURES = ["cnn", "mlp"]
# The largest mean difference of probabilities, and the share of the float file's bytes.
CLOSE = {
    "none": (1e-5, 1.0),
    "float16": (1e-3, 0.9),
    "dynamic_int8": (0.02, 0.9),
    "int8": (0.03, 0.9),
    "int16x8": (0.01, 0.9),
    "int4": (0.05, 0.7),
}


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers the toy runtime: one line, and its folder."""
    monkeypatch.setitem(registry.RUNTIMES, "numpy", "numpy_runtime")


@pytest.fixture(params=RUNTIMES)
def serving(request: pytest.FixtureRequest) -> Runtime:
    """Returns each runtime; one that is not installed is skipped."""
    if not is_installed(request.param):
        pytest.skip(f"the runtime {request.param} is not installed")
    return runtime(request.param)


@pytest.fixture
def calibration(digits: tuple[np.ndarray, np.ndarray]) -> Callable[[int], Batch]:
    """Returns a function that returns training examples."""
    return lambda n: {INPUT: digits[0][:n]}


@pytest.fixture(params=ARCHITECTURES)
def model(request: pytest.FixtureRequest, serving: Runtime, models: dict[str, keras.Model]) -> keras.Model:
    """Returns each trained model; the toy knows dense layers alone."""
    if serving is TOY and request.param == "cnn":
        pytest.skip("the toy runtime knows dense layers alone")
    return models[request.param]


@pytest.fixture(scope="session")
def converted(digits: tuple[np.ndarray, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Converted:
    """Returns a function that returns where a trained model's files of a runtime are, for reading alone."""

    @cache
    def convert(serving: Runtime, model: keras.Model, quantizer: str) -> Path:
        directory = tmp_path_factory.mktemp(f"{serving.name}-{quantizer}")
        asked = params(serving, quantizer)
        serving.convert(model, quantizer, asked, directory, lambda n: {INPUT: digits[0][:n]})
        return directory

    return convert


@pytest.fixture
def floats(serving: Runtime, models: dict[str, keras.Model], converted: Converted, tmp_path: Path) -> Path:
    """Returns the directory of the MLP's files in floats, which a test may harm."""
    files.copy(serving, converted(serving, models["mlp"], "none"), tmp_path)
    return tmp_path


def params(serving: Runtime, quantizer: str) -> object:
    return serving.quantizers[quantizer].params()


def test_it_says_what_it_is(serving: Runtime) -> None:
    assert serving.version()
    assert serving.files
    assert serving.quantizers["none"].params() == params(serving, "none")
    for quantizer in serving.quantizers.values():
        assert quantizer.summary.endswith(".")
        assert quantizer.needs <= {"data", "gradients", "labels"}
        for field in quantizer.params.model_fields.values():
            assert field.description


@pytest.mark.parametrize("quantizer", CLOSE)
def test_outputs_are_close_to_keras(
    serving: Runtime,
    model: keras.Model,
    quantizer: str,
    converted: Converted,
    kept_back: np.ndarray,
    accuracy: Callable[[np.ndarray], float],
) -> None:
    if quantizer not in serving.quantizers:
        pytest.skip(f"{serving.name} has no {quantizer}")
    made = {name: converted(serving, model, name) for name in ("none", quantizer)}
    assert sorted(path.name for path in made[quantizer].iterdir()) == sorted(serving.files)
    expected = answer(model, {INPUT: kept_back})[OUTPUT]
    found = serving.load(made[quantizer]).predict({INPUT: kept_back})[OUTPUT]
    difference, share = CLOSE[quantizer]
    assert (found.shape, found.dtype) == (expected.shape, np.float32)
    assert float(np.abs(found - expected).mean()) < difference
    assert accuracy(found) > accuracy(expected) - 0.03
    if quantizer == "none":
        assert float(np.abs(found - expected).max()) <= 1e-4
    if model.name == "small_mlp":  # of few and large operators: what else a file says weighs little
        size = {name: _weights_bytes(serving, directory) for name, directory in made.items()}
        assert size[quantizer] <= share * size["none"]


@pytest.mark.parametrize("quantizer", CLOSE)
def test_other_kernels_are_as_close_as_another_cpu_may_be(
    serving: Runtime,
    model: keras.Model,
    quantizer: str,
    converted: Converted,
    kept_back: np.ndarray,
) -> None:
    """A file that was proven on these kernels is servable on those: the golden check allows enough."""
    if quantizer not in serving.quantizers:
        pytest.skip(f"{serving.name} has no {quantizer}")
    made = converted(serving, model, quantizer)
    found = serving.load(made).predict({INPUT: kept_back})[OUTPUT]
    others = serving.reference(made).predict({INPUT: kept_back})[OUTPUT]
    apart = np.abs(found - others).max(axis=1)
    allowed = tolerance(found, serving.traits(made).arithmetic, float(apart[:64].max()))
    assert (apart[:16] <= allowed).all()
    assert (found.argmax(axis=1) == others.argmax(axis=1)).mean() > 0.98
    if "int" not in quantizer:
        assert allowed <= 1e-4


def _weights_bytes(serving: Runtime, directory: Path) -> int:
    """Returns the bytes of a model's last file; the first of OpenVINO's is text that holds no weights."""
    return files.paths(serving, directory)[-1].stat().st_size


def test_tensors_are_named_and_batches_are_any_number_of_rows(
    serving: Runtime, floats: Path, kept_back: np.ndarray
) -> None:
    loaded = serving.load(floats)
    assert [(tensor.name, tensor.dtype, tensor.shape) for tensor in loaded.inputs] == [
        (INPUT, np.float32, (8, 8, 1))
    ]
    assert [(tensor.name, tensor.dtype, tensor.shape) for tensor in loaded.outputs] == [
        (OUTPUT, np.float32, (10,))
    ]
    batch = {INPUT: kept_back[:13]}
    found = loaded.predict(batch)[OUTPUT].copy()
    one = np.concatenate([loaded.predict(take(batch, i, i + 1))[OUTPUT] for i in range(13)])
    np.testing.assert_array_equal(found, one)
    np.testing.assert_array_equal(loaded.predict(batch)[OUTPUT], found)
    assert loaded.predict({INPUT: kept_back[:0]})[OUTPUT].shape == (0, 10)


def test_what_is_fed_is_what_is_run(serving: Runtime, floats: Path, kept_back: np.ndarray) -> None:
    loaded = serving.load(floats, threads=2)
    first = loaded.predict({INPUT: kept_back[:1]})[OUTPUT]
    loaded.feed({INPUT: kept_back[1:2]})
    loaded.invoke()
    np.testing.assert_array_equal(loaded.predict({INPUT: kept_back[:1]})[OUTPUT], first)


def test_a_wrong_batch_is_a_typed_error(serving: Runtime, floats: Path) -> None:
    loaded = serving.load(floats)
    for batch, expected in (
        ({INPUT: np.zeros((2, 8, 7, 1), np.float32)}, r"shape \(8, 8, 1\)"),
        ({INPUT: np.zeros((2, 8, 8, 1))}, "float64"),
        ({"image": np.zeros((2, 8, 8, 1), np.float32)}, "input 'input'"),
    ):
        with pytest.raises(ModelError, match=expected):
            loaded.predict(batch)


@pytest.mark.parametrize("rows", [1, 8])
def test_more_rows_at_a_time_are_the_same_or_refused(
    serving: Runtime, floats: Path, kept_back: np.ndarray, rows: int
) -> None:
    batch = {INPUT: kept_back[:16]}
    try:
        many = serving.load(floats, batch=rows)
    except ModelError:
        assert rows > 1
        return
    np.testing.assert_allclose(
        many.predict(batch)[OUTPUT], serving.load(floats).predict(batch)[OUTPUT], atol=1e-5
    )


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text"])
def test_unusable_files_are_typed_errors(serving: Runtime, floats: Path, damage: str) -> None:
    for path in files.paths(serving, floats):
        content = path.read_bytes()
        if damage == "missing":
            path.unlink()
        else:
            path.write_bytes(
                {"empty": b"", "cut": content[: len(content) // 2], "text": b"text " * 50}[damage]
            )
        with pytest.raises(ModelError, match=path.stem):
            serving.load(floats)
        path.write_bytes(content)


def test_traits_are_counted(serving: Runtime, model: keras.Model, converted: Converted) -> None:
    from trimtab.models import cost

    found = serving.traits(converted(serving, model, "none"))
    kernels = [weight for weight in model.weights if weight.name == "kernel"]
    assert found.parameters == sum(int(np.prod(weight.shape)) for weight in kernels)
    assert found.macs == cost.macs(model)
    assert 0 < sum(found.operators.values()) <= sum(found.operators_before.values()) + 4
    assert set(found.arithmetic) == {"float32"}
    assert found.sparsity == pytest.approx(cost.sparsity(model), abs=0.01)
    assert found.clusters > 200


@pytest.mark.parametrize("quantizer", ["dynamic_int8", "int8"])
def test_traits_of_integers(
    serving: Runtime,
    quantizer: str,
    models: dict[str, keras.Model],
    calibration: Callable[[int], Batch],
    tmp_path: Path,
) -> None:
    if quantizer not in serving.quantizers:
        pytest.skip(f"{serving.name} has no {quantizer}")
    sparse = keras.models.clone_model(models["mlp"])
    sparse.set_weights(models["mlp"].get_weights())
    kernel, bias = sparse.get_layer("dense_1").get_weights()
    kernel[np.abs(kernel) < np.quantile(np.abs(kernel), 0.7)] = 0
    sparse.get_layer("dense_1").set_weights([kernel, bias])
    serving.convert(sparse, quantizer, params(serving, quantizer), tmp_path, calibration)
    found = serving.traits(tmp_path)
    assert found.arithmetic[quantizer] >= 1
    assert found.clusters <= (256 if quantizer == "int8" else 320)  # LiteRT leaves small kernels in floats
    assert found.sparsity >= 0.7 * 2048 / found.parameters - 0.01


def test_what_it_lacks_is_refused_in_one_sentence(
    serving: Runtime, calibration: Callable[[int], Batch], tmp_path: Path
) -> None:
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dense(64, name="dense")(keras.layers.Flatten()(inputs))
    odd = keras.Model(inputs, keras.ops.erfinv(x), name="odd")
    for quantizer in serving.quantizers:
        with pytest.raises(CompressionError, match="odd") as caught:
            serving.convert(odd, quantizer, params(serving, quantizer), tmp_path, calibration)
        assert "\n" not in caught.value.message
        assert len(caught.value.message) < 200
        assert re.search("erfinv", caught.value.message, re.IGNORECASE)
    assert "\n" not in serving.explain(RuntimeError("first\nsecond"))


def test_several_inputs_and_outputs_are_told_apart_by_name(
    serving: Runtime, calibration: Callable[[int], Batch], tmp_path: Path
) -> None:
    if serving is TOY:
        pytest.skip("the toy runtime knows dense layers alone")
    left, right = keras.Input((4,), name="left"), keras.Input((3,), name="right", dtype="int32")
    row = keras.layers.Concatenate()([keras.layers.Embedding(9, 2)(right)[:, 0], left])
    model = keras.Model(
        [left, right], [keras.layers.Dense(2, name="total")(row), keras.layers.Dense(1, name="score")(left)]
    )
    generator = np.random.default_rng(0)
    batch = {
        "left": generator.random((5, 4), np.float32),
        "right": generator.integers(0, 9, (5, 3), dtype=np.int32),
    }
    serving.convert(model, "none", params(serving, "none"), tmp_path, calibration)
    loaded = serving.load(tmp_path)
    assert {tensor.name: tensor.dtype for tensor in loaded.inputs} == {"left": np.float32, "right": np.int32}
    for name, values in answer(model, batch).items():
        np.testing.assert_allclose(loaded.predict(batch)[name], values, atol=1e-5)


def test_light_to_import_and_typed_where_the_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess
    from importlib import metadata

    names = ", ".join(registry.RUNTIMES.values()).replace(", numpy_runtime", "")
    heavy = {"tensorflow", "keras", "openvino", "nncf", "onnxruntime", "onnx", "ai_edge_litert"}
    script = f"import sys, {names}\nassert not {heavy!r} & set(sys.modules), set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    for name in ("openvino", "onnxruntime"):
        with pytest.raises(ConfigError, match=rf"trimtab\[{runtime(name).extra}\]"):
            runtime(name).load(Path())
        assert not is_installed(name)


def test_an_unknown_runtime_is_a_typed_error() -> None:
    with pytest.raises(ConfigError, match="no runtime 'tensorrt', but litert, openvino, onnxruntime, numpy"):
        runtime("tensorrt")
    assert isinstance(sys.modules["numpy_runtime"], ModuleType)


def test_its_own_files_are_taken_as_they_are(
    serving: Runtime, floats: Path, digits: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    x, shape = digits[0][:4], digits[0].shape[1:]
    own, made = tmp_path / "own", tmp_path / "again"
    own.mkdir()
    made.mkdir()
    assert floats.joinpath(serving.files[0]).suffix == serving.reads[0]
    assert serving.input_limits(floats / serving.files[0]) is None
    serving.adopt(floats / serving.files[0], own, shape)
    assert "none" in serving.requantizes <= set(serving.quantizers)
    params = serving.quantizers["none"].params()
    serving.requantize(own / serving.files[0], "none", params, made, lambda n: {INPUT: x[:n]})
    expected = serving.load(floats).predict({INPUT: x})[OUTPUT]
    np.testing.assert_allclose(serving.load(made).predict({INPUT: x})[OUTPUT], expected, atol=1e-5)
    with pytest.raises(ModelError, match=serving.files[0]):
        serving.adopt(floats / serving.files[0], own, (*shape, 7))


def test_layers_stay_in_floats_by_name(
    serving: Runtime, models: dict[str, keras.Model], calibration: Callable[[int], Batch], tmp_path: Path
) -> None:
    if "int8" not in serving.quantizers:
        pytest.skip(f"{serving.name} has no int8")

    def weights_bytes(**given: str) -> int:
        asked = serving.quantizers["int8"].params(ranges="min_max", calibration_examples=20, **given)
        serving.convert(models["mlp"], "int8", asked, tmp_path, calibration)
        return _weights_bytes(serving, tmp_path)

    whole = weights_bytes()
    for given, layer in (({"keep_float": "dense_1"}, "dense_1"), ({"only": "dense_1 out"}, "dense_2")):
        three_bytes_a_weight = 3 * models["mlp"].get_layer(layer).count_params()
        # What an operator takes that quantizes is gone: up to 2,000 bytes of an ONNX file.
        assert three_bytes_a_weight - 2_500 < weights_bytes(**given) - whole <= three_bytes_a_weight
    with pytest.raises(CompressionError, match="no operator was quantized"):
        weights_bytes(keep_float="*")
    with pytest.raises(CompressionError, match="'dense_7' is no layer's name"):
        weights_bytes(keep_float="dense_7")
