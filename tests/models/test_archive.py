from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from faults.emulator import Emulator
from keras_tuner import HyperParameters

from trimtab.config.model import Model
from trimtab.errors import ModelError
from trimtab.models import archive, cost, registry
from trimtab.models.spec import ModelSpec


@pytest.fixture
def model() -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize("ending", [".keras", ".h5", ".hdf5"])
def test_round_trip_is_uncompiled_and_the_same(model: keras.Model, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"model{ending}"
    model.save(path)
    loaded = archive.load(path)
    assert cost.weights_sha256(loaded) == cost.weights_sha256(model)
    assert not loaded.compiled
    x = np.random.default_rng(0).random((3, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(loaded(x), model(x))


def test_custom_loss_is_ignored(model: keras.Model, tmp_path: Path) -> None:
    @keras.saving.register_keras_serializable("mine")
    def my_loss(y: object, z: object) -> object:
        return keras.ops.mean(z)

    model.compile("sgd", my_loss)
    model.save(tmp_path / "model.keras")
    assert archive.load(tmp_path / "model.keras").count_params() == model.count_params()


def test_nested_models_are_flattened(tmp_path: Path) -> None:
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, activation="relu"), keras.layers.Dropout(0.1)]
    )
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(inner(inputs)))
    model.save(tmp_path / "model.keras")
    loaded = archive.load(tmp_path / "model.keras")
    assert not any(isinstance(layer, keras.Model) for layer in loaded.layers)
    x = np.random.default_rng(0).random((5, 4), np.float32)
    np.testing.assert_array_equal(loaded(x), model(x))


def test_mlperf_resnet8(mlperf_resnet8: Path) -> None:
    """A file of Keras 2, with nothing but Keras 3 in the process."""
    loaded = archive.load(mlperf_resnet8)
    assert cost.parameters(loaded) == 78_666
    assert cost.macs(loaded) == 12_501_632
    spec = ModelSpec("image", "classification", (32, 32, 3), "float32", 10)
    assert archive.fit_to(loaded, spec, "resnet") is loaded


def test_open_dimensions_become_those_of_the_data(tmp_path: Path) -> None:
    inputs = keras.Input((None, None, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    model.save(tmp_path / "model.keras")
    spec = ModelSpec("image", "classification", (8, 8, 1), "float32", 10)
    fitted = archive.fit_to(archive.load(tmp_path / "model.keras"), spec, "model.keras")
    assert fitted.inputs[0].shape == (None, 8, 8, 1)
    x = np.random.default_rng(0).random((3, 8, 8, 1), np.float32)
    np.testing.assert_allclose(fitted(x), model(x), rtol=1e-6)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        archive.load(tmp_path / "model.keras")


def test_other_format(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"expected a \.keras or \.h5"):
        archive.load(tmp_path / "model.onnx")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95, 0.999])
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_truncated(model: keras.Model, tmp_path: Path, share: float, ending: str) -> None:
    path = tmp_path / f"model{ending}"
    model.save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelError, match=r"cut|damaged"):
        archive.load(path)


def test_bit_flips_in_a_keras_archive_are_never_silent(model: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    model.save(path)
    data, digest = path.read_bytes(), cost.weights_sha256(model)
    generator = np.random.default_rng(0)
    for _ in range(60):
        flipped = bytearray(data)
        bit = int(generator.integers(len(data) * 8))
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            loaded = archive.load(path)
        except ModelError:
            continue
        assert cost.weights_sha256(loaded) == digest, f"bit {bit} changed the weights silently"


def test_a_bit_flip_in_an_h5_weight_cannot_be_seen(model: keras.Model, tmp_path: Path) -> None:
    """What the module's documentation says: the format has no checksum. Artifacts have their manifest's."""
    path = tmp_path / "model.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file["model_weights"].visit(lambda name: names.append(name) if name.endswith("kernel") else None)
        file["model_weights"][names[0]][0] += 1.0
    assert cost.weights_sha256(archive.load(path)) != cost.weights_sha256(model)


def test_weights_of_another_model(model: keras.Model, tmp_path: Path) -> None:
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.save(tmp_path / "model.keras")
    other.save(tmp_path / "other.keras")
    mixed = tmp_path / "mixed.keras"
    with zipfile.ZipFile(mixed, "w") as file:
        for name, source in (("config.json", "model"), ("model.weights.h5", "other")):
            file.writestr(name, zipfile.ZipFile(tmp_path / f"{source}.keras").read(name))
    with pytest.raises(ModelError, match="cannot load it"):
        archive.load(mixed)


def test_a_zip_that_is_no_model(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as file:
        file.writestr("config.json", "[]")
    with pytest.raises(ModelError, match=r"no model\.weights\.h5"):
        archive.load(tmp_path / "model.keras")


def test_weights_only_h5(model: keras.Model, tmp_path: Path) -> None:
    model.save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ModelError, match="holds no model"):
        archive.load(tmp_path / "model.weights.h5")


@pytest.mark.parametrize(
    ("shape", "outputs", "message"),
    [((8, 8, 3), 10, "input shape"), ((8, 8), 10, "input shape"), ((8, 8, 1), 2, "output shape")],
)
def test_other_data(model: keras.Model, shape: tuple[int, ...], outputs: int, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        archive.fit_to(model, ModelSpec("image", "classification", shape, "float32", outputs), "model.keras")


def test_logits_are_refused() -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    with pytest.raises(ModelError, match="sum to") as caught:
        archive.fit_to(model, ModelSpec("tabular", "classification", (4,), "float32", 3), "model.keras")
    assert "softmax" in str(caught.value)


def test_an_archive_in_cloud_storage(model: keras.Model, image_spec: ModelSpec, emulator: Emulator) -> None:
    with tempfile.TemporaryDirectory() as directory:
        model.save(Path(directory, "model.keras"))
        content = Path(directory, "model.keras").read_bytes()
    emulator.state.put("bucket", {"name": "models/a.keras"}, content)
    emulator.state.put("bucket", {"name": "models/cut.keras"}, content[: len(content) // 2])
    loaded, cut = (Model(archive=f"gs://bucket/models/{name}.keras") for name in ("a", "cut"))
    built = registry.build(loaded, image_spec, HyperParameters())
    assert cost.weights_sha256(built) == cost.weights_sha256(model)
    with pytest.raises(ModelError, match=r"^gs://bucket/models/cut\.keras: the file is cut"):
        registry.build(cut, image_spec, HyperParameters())


def test_an_integer_input_becomes_a_float_one_of_the_same_numbers(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 1), dtype="uint8")
    x = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    model.save(tmp_path / "model.keras")
    spec = ModelSpec("image", "classification", (8, 8, 1), "float32", 10)
    fitted = archive.fit_to(archive.load(tmp_path / "model.keras"), spec, "model.keras")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1))
    assert fitted.inputs[0].dtype == "float32"
    np.testing.assert_allclose(fitted(pixels.astype(np.float32)), model(pixels.astype(np.uint8)), atol=1e-6)


def test_integer_arithmetic_on_the_input_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 1), dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1.0)(keras.ops.floor_divide(inputs, 64)))
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    model.save(tmp_path / "model.keras")
    spec = ModelSpec("image", "classification", (8, 8, 1), "float32", 10)
    floats = archive.fit_to(archive.load(tmp_path / "model.keras"), spec, "model.keras")
    np.testing.assert_allclose(
        floats(np.full((1, 8, 8, 1), 200.0)), model(np.full((1, 8, 8, 1), 200, np.uint8)), atol=1e-6
    )
    x = keras.layers.Flatten()(keras.layers.Rescaling(0.01)(inputs * inputs))
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
    model.save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match=r"uint8.*\n.*Rescaling"):
        archive.fit_to(archive.load(tmp_path / "model.keras"), spec, "model.keras")


@pytest.mark.parametrize("shape", [(None, None, 1), (8, 8, 1)])
def test_an_adapted_normalization_keeps_what_it_learned(
    tmp_path: Path, shape: tuple[int | None, ...]
) -> None:
    normalization = keras.layers.Normalization()
    normalization.adapt(np.random.default_rng(0).normal(50, 9, (20, 8, 8, 1)))
    inner = keras.Sequential([keras.Input(shape), normalization, keras.layers.GlobalAveragePooling2D()])
    model = keras.Sequential([keras.Input(shape), inner, keras.layers.Dense(10, activation="softmax")])
    model.save(tmp_path / "model.keras")
    spec = ModelSpec("image", "classification", (8, 8, 1), "float32", 10)
    fitted = archive.fit_to(archive.load(tmp_path / "model.keras"), spec, "model.keras")
    x = np.random.default_rng(1).normal(50, 9, (4, 8, 8, 1)).astype(np.float32)
    np.testing.assert_allclose(fitted(x), model(x), atol=1e-6)


def test_layers_that_keras_applications_have_of_their_own_are_keras(tmp_path: Path) -> None:
    from keras.src.applications.convnext import LayerScale, StochasticDepth
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    inputs = keras.Input((4, 4, 8))
    x = StochasticDepth(0.1)(LayerScale(0.5, 8)(inputs))
    x = keras.layers.Flatten()(CustomScaleLayer(0.2)([inputs, x]))
    made = keras.Model(inputs, keras.layers.Dense(2)(x))
    made.save(tmp_path / "model.keras")
    examples = np.random.default_rng(0).normal(size=(4, 4, 4, 8)).astype(np.float32)
    np.testing.assert_allclose(archive.load(tmp_path / "model.keras")(examples), made(examples), atol=1e-6)
