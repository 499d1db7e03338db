from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from trimtab.config.model import Model
from trimtab.errors import ConfigError, ModelError
from trimtab.models import archive, cost, registry
from trimtab.models.spec import ModelSpec
from trimtab.registry import ARCHITECTURES


def image(*shape: int, outputs: int = 10) -> ModelSpec:
    return ModelSpec("image", "classification", shape, "float32", outputs)


def pixels(*shape: int, classes: int = 3) -> ModelSpec:
    return ModelSpec("image", "segmentation", shape, "float32", shape[0] * shape[1] * classes)


TABLE = ModelSpec("tabular", "classification", (7,), "float32", 3)
PRICE = ModelSpec("tabular", "regression", (7,), "float32", 1)
SPEECH = ModelSpec("audio", "classification", (49, 40, 1), "float32", 12)
REVIEW = ModelSpec("text", "classification", (30,), "int32", 2, 500)

FITTING = [
    ("mlp", TABLE),
    ("mlp", PRICE),
    ("mlp", image(8, 8, 1)),
    ("mlp", SPEECH),
    *[("cnn", image(*shape)) for shape in ((4, 4, 1), (5, 31, 3), (8, 8, 1), (28, 28, 1), (96, 64, 3))],
    ("cnn", ModelSpec("image", "regression", (16, 16, 3), "float32", 1)),
    ("cnn", SPEECH),
    *[("resnet8", image(*shape)) for shape in ((4, 4, 1), (32, 32, 3), (33, 20, 3))],
    ("ds_cnn", SPEECH),
    ("ds_cnn", ModelSpec("audio", "classification", (4, 8, 1), "float32", 2)),
    ("autoencoder", ModelSpec("tabular", "anomaly", (7,), "float32", 7)),
    ("autoencoder", ModelSpec("image", "anomaly", (8, 8, 3), "float32", 192)),
    *[("unet", pixels(*shape)) for shape in ((4, 4, 1), (21, 10, 3), (64, 48, 3))],
    ("id_bag", ModelSpec("ids", "classification", (1,), "int32", 2, 12)),
    ("id_bag", ModelSpec("ids", "regression", (5,), "int32", 1, 12)),
    ("text_cnn", REVIEW),
    ("text_cnn", ModelSpec("text", "classification", (2,), "int32", 2, 12)),
    ("text_cnn", ModelSpec("text", "regression", (9,), "int32", 1, 12)),
]


def build(name: str, spec: ModelSpec, **params: Any) -> keras.Model:
    return registry.build(Model(architecture=name, params=params), spec, keras_tuner.HyperParameters())


def examples(spec: ModelSpec, count: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    if spec.kind in ("text", "ids"):
        return generator.integers(0, spec.vocabulary_size, (count, *spec.input_shape)).astype(np.int32)
    return generator.random((count, *spec.input_shape), np.float32)


@pytest.mark.parametrize(
    ("name", "spec"), FITTING, ids=lambda v: v if isinstance(v, str) else str(v.input_shape)
)
def test_contract(name: str, spec: ModelSpec) -> None:
    """Uncompiled, flat, named layers, static shapes, float32 answers of the right form."""
    model = build(name, spec)
    assert not model.compiled
    assert model.name == name
    assert model.inputs[0].shape == (None, *spec.input_shape)
    assert model.inputs[0].dtype == spec.input_dtype
    y = np.asarray(model(examples(spec, 3)))
    assert y.shape == (3, spec.outputs)
    assert y.dtype == np.float32
    if spec.task == "classification":
        np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-5)
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    assert not any(layer.name.rsplit("_", 1)[0] in ("conv2d", "dense_layer") for layer in model.layers)


def test_a_class_a_pixel_is_asked_of_an_architecture_that_answers_so() -> None:
    with pytest.raises(ModelError, match=r"answers for an image as a whole[\s\S]*each pixel[\s\S]*: unet\."):
        build("cnn", pixels(8, 8, 1))
    with pytest.raises(ModelError, match=r"answers for each pixel[\s\S]*classification: mlp, cnn, resnet8"):
        build("unet", image(8, 8, 1))


def test_an_autoencoder_answers_nothing_but_its_input() -> None:
    with pytest.raises(ModelError, match="repeats its 7 values; the task asks for 3"):
        build("autoencoder", TABLE)


@pytest.mark.parametrize(("name", "spec"), [("mlp", TABLE), ("cnn", image(8, 8, 1)), ("text_cnn", REVIEW)])
def test_same_seed_same_weights_and_names(name: str, spec: ModelSpec) -> None:
    def built() -> keras.Model:
        keras.utils.set_random_seed(7)
        return build(name, spec)

    first, second = built(), built()
    assert cost.weights_sha256(first) == cost.weights_sha256(second)
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]


@pytest.mark.parametrize(
    ("name", "spec"), FITTING[::3], ids=lambda v: v if isinstance(v, str) else str(v.input_shape)
)
def test_saves_and_loads(name: str, spec: ModelSpec, tmp_path: Path) -> None:
    model = build(name, spec)
    model.save(tmp_path / "model.keras")
    x = examples(spec, 2)
    np.testing.assert_array_equal(archive.load(tmp_path / "model.keras")(x), model(x))


def test_a_global_policy_of_mixed_precision_makes_a_model_of_float32() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build("cnn", image(8, 8, 1))
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.layers[1].compute_dtype == "float32"
    assert model.outputs[0].dtype == "float32"


@pytest.mark.parametrize(
    ("name", "spec", "others"),
    [
        ("mlp", REVIEW, "text_cnn"),
        ("cnn", TABLE, "mlp"),
        ("resnet8", SPEECH, "mlp, cnn, ds_cnn"),
        ("ds_cnn", TABLE, "mlp"),
        ("text_cnn", image(8, 8, 1), "mlp, cnn, resnet8, ds_cnn"),
    ],
)
def test_other_data_says_what_fits(name: str, spec: ModelSpec, others: str) -> None:
    with pytest.raises(ModelError, match=f"data: {others}"):
        build(name, spec)


def test_hyper_parameters_are_declared_and_fixed() -> None:
    hp = keras_tuner.HyperParameters()
    model = registry.build(Model(architecture="mlp", params={"units": 24, "layers": 1}), TABLE, hp)
    assert model.get_layer("dense_1").units == 24
    assert {p.name: type(p).__name__ for p in hp.space} == {
        "units": "Fixed",
        "layers": "Fixed",
        "dropout": "Float",
    }


def test_a_search_value_is_used() -> None:
    hp = keras_tuner.HyperParameters()
    hp.values["units"] = 48
    assert registry.build(Model(architecture="mlp"), TABLE, hp).get_layer("dense_1").units == 48


def test_unknown_hyper_parameter() -> None:
    with pytest.raises(ConfigError, match=r"model\.params\.unit[\s\S]*Did you mean units\?"):
        build("mlp", TABLE, unit=3)


def test_value_that_keras_refuses() -> None:
    with pytest.raises(ModelError, match="mlp: building the model failed"):
        build("mlp", TABLE, dropout=-1.0)


def test_archive_has_no_hyper_parameters(tmp_path: Path) -> None:
    build("mlp", TABLE).save(tmp_path / "model.keras")
    config = Model(archive=str(tmp_path / "model.keras"), params={"units": 3})
    with pytest.raises(ConfigError, match=r"leave model\.params out"):
        registry.build(config, TABLE, keras_tuner.HyperParameters())


def test_archive(tmp_path: Path) -> None:
    model = build("mlp", TABLE)
    model.save(tmp_path / "model.keras")
    config = Model(archive=str(tmp_path / "model.keras"))
    loaded = registry.build(config, TABLE, keras_tuner.HyperParameters())
    assert cost.weights_sha256(loaded) == cost.weights_sha256(model)


def test_resnet8_is_mlperfs(mlperf_resnet8: Path) -> None:
    """The published weights, put into our layers in order, give the published model's answers."""
    reference = archive.load(mlperf_resnet8)
    ours = build("resnet8", image(32, 32, 3))
    ours.set_weights(reference.get_weights())
    x = examples(image(32, 32, 3), 4) * 255
    np.testing.assert_allclose(ours(x), reference(x), atol=1e-6)
    assert cost.macs(ours) == cost.macs(reference)


def test_cnn_is_cheap_on_mnist() -> None:
    assert cost.macs(build("cnn", image(28, 28, 1))) < 3_000_000


@pytest.mark.slow
def test_cnn_reads_scikit_learns_digits() -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = (digits.images[..., None] / 16).astype(np.float32), digits.target
    order = np.random.default_rng(0).permutation(len(x))
    train, test = order[360:], order[:360]
    keras.utils.set_random_seed(0)
    model = build("cnn", image(8, 8, 1))
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(x[train], y[train], batch_size=64, epochs=12, verbose=0)
    assert (model.predict(x[test], verbose=0).argmax(axis=1) == y[test]).mean() >= 0.98


def test_an_architecture_is_added_by_a_file_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "toy", "models.toy_architecture")
    built = registry.build(
        Model(architecture="toy", params={"units": 5}), TABLE, keras_tuner.HyperParameters()
    )
    assert built.get_layer("hidden").units == 5
    assert "toy" in registry.fitting(TABLE)
    assert "toy" in Model.model_json_schema()["properties"]["architecture"]["anyOf"][0]["enum"]
