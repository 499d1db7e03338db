"""Exports as SavedModels, of real Keras models, loaded by plain TensorFlow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from served import predict

from trimtab.artifacts import training
from trimtab.batch import INPUT, OUTPUT
from trimtab.data.dataset.dataset import Dataset, model_input
from trimtab.data.schema import Column, DatasetSchema, TensorSpec
from trimtab.deploy import promotion, saved_model, servable
from trimtab.deploy.export import export
from trimtab.deploy.golden import Golden
from trimtab.errors import ArtifactError, ConfigError, DeployError
from trimtab.storage import artifact
from trimtab.storage.store import open_store

pytestmark = pytest.mark.slow

TOKENS = TensorSpec(kind="text", shape=(12,), stored_dtype="int32")
TEXT = DatasetSchema(
    task="regression",
    label="stars",
    columns=[Column(name="text", kind="text")],
    input=TOKENS,
    vocabulary_size=50,
    label_mean=3.0,
    label_std=1.5,
    preprocessing={},
)


def image_model():
    import keras

    layers = [
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5),
        keras.layers.Flatten(),
        keras.layers.Dense(10, activation="softmax"),
    ]
    return keras.Sequential([keras.Input((8, 8, 1)), *layers])


def text_model():
    import keras

    layers = [keras.layers.Embedding(50, 8), keras.layers.GRU(6), keras.layers.Dense(1)]
    return keras.Sequential([keras.Input((12,), dtype="int32"), *layers])


def dynamic_int8(converter):
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]


@pytest.fixture
def deploy(tmp_path, monkeypatch, digits_dataset):
    """Returns a function: ``deploy(target, Keras model, schema, x as stored, quantize="none")``."""
    monkeypatch.setattr(servable, "check", lambda *a: servable.Check())

    def run(target, model, schema, x, quantize="none"):
        from trimtab.runtimes.litert.convert import convert

        with artifact.create(tmp_path / "selection", "selection") as draft:
            configure = dynamic_int8 if quantize == "dynamic_int8" else None
            (draft.path / "model.tflite").write_bytes(convert(model, configure))
            y = predict(draft.path, model_input(schema, x))
            Golden({INPUT: x}, {OUTPUT: y}, 1e-5).save(draft.path / "golden.npz")
        with artifact.create(tmp_path / "model", "model") as draft:
            model.save(draft.path / "model.keras")
        made = artifact.load(tmp_path / "model", "model")
        record = training.TrainingRecord(
            fingerprint="0" * 64,
            rows={"train": 1},
            recipe=[{quantize: {}}, {"runtime": "litert"}],
            candidate=f"none--{quantize}",
            hyperparameters={},
            data={},
        )
        kept = training.write(tmp_path / "kept", record, Dataset.open(digits_dataset), made, made)
        selection = artifact.load(tmp_path / "selection", "selection")
        content = schema.model_dump_json().encode()
        return promotion.deploy(target, selection, content, "{}", training=kept)

    return run


@pytest.fixture
def digits(digits_dataset):
    """Returns the schema of the digits, and sixteen of them as they are stored."""
    data = Dataset.open(digits_dataset)
    return data.schema, data.arrays("test")[0][:16]


def test_it_is_the_keras_model_by_the_names_that_are_documented(anywhere, deploy, digits, tmp_path):
    schema, x = digits
    model = image_model()
    deploy(anywhere, model, schema, x)
    output = anywhere.replace("deployed/digits", "exported/digits")
    uri, made = export(anywhere, output)
    assert uri == f"{output}/1"
    assert (made.version, made.as_float, made.examples) == (1, False, 16)
    assert made.difference < 1e-5
    assert made.deployed_difference < 1e-4

    open_store(output).get_directory("1", tmp_path / "copy")
    names = {file.relative_to(tmp_path / "copy").as_posix() for file in (tmp_path / "copy").rglob("*.*")}
    assert {"saved_model.pb", "variables/variables.index", "assets.extra/trimtab.json"} <= names
    about = json.loads((tmp_path / "copy" / "assets.extra" / "trimtab.json").read_text())
    assert (about["classes"], about["candidate"]) == (schema.classes, "none--none")
    # Any batch size, and no training behaviour: dropout would show.
    inputs = model_input(schema, x)[:3]
    found = saved_model.outputs(tmp_path / "copy", inputs)
    np.testing.assert_allclose(found, np.asarray(model(inputs, training=False)), atol=1e-5)


def test_a_quantized_version_is_exported_in_floats_and_says_so(target, deploy, digits, tmp_path):
    schema, x = digits
    deploy(target, image_model(), schema, x, quantize="dynamic_int8")
    _, made = export(target, str(tmp_path / "out"))
    assert made.as_float
    assert made.difference < 1e-5


def test_tokens_and_a_regression(target, deploy, tmp_path):
    x = np.random.default_rng(0).integers(0, 50, (5, 12)).astype(np.int32)
    deploy(target, text_model(), TEXT, x)
    _, made = export(target, str(tmp_path / "out"))
    assert (made.input_dtype, made.input_shape, made.classes) == ("int32", (12,), [])
    assert (made.label_mean, made.label_std) == (3.0, 1.5)


def test_what_answers_otherwise_is_not_exported(target, deploy, digits, tmp_path, monkeypatch):
    schema, x = digits
    model = image_model()
    deploy(target, model, schema, x)
    y, outputs = np.asarray(model(model_input(schema, x), training=False)), saved_model.outputs
    for wrong in (y + np.float32(1e-3), y * np.nan, y[:, :3]):
        monkeypatch.setattr(saved_model, "outputs", lambda *a, wrong=wrong: wrong)
        with pytest.raises(DeployError, match=r"digits/1: the SavedModel does not repeat the Keras model"):
            export(target, str(tmp_path / "out"))
    monkeypatch.setattr(saved_model, "outputs", outputs)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DeployError, match="plain TensorFlow cannot run the SavedModel"):
        saved_model.outputs(tmp_path / "empty", model_input(schema, x))
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_exported_is_a_typed_error(target, deploy, digits, tmp_path):
    schema, x = digits
    output = str(tmp_path / "out")
    with pytest.raises(DeployError, match="no model was deployed here"):
        export(target, output)
    deploy(target, image_model(), schema, x)
    before = (Path(target) / "1" / "manifest.json").read_bytes()
    shutil.copytree(Path(target), tmp_path / "copy", ignore=shutil.ignore_patterns(".swaps", "v*.json"))
    for repository in (target, str(tmp_path / "copy")):
        with pytest.raises(ConfigError, match="expected another directory, found a model repository"):
            export(target, repository)
    for inside in ("1", "1/more", "../digits/1/more", "training/more", "new"):
        with pytest.raises(ConfigError, match="expected a directory outside of the model repository"):
            export(target, f"{target}/{inside}")
    assert (Path(target) / "1" / "manifest.json").read_bytes() == before
    with pytest.raises(DeployError, match="there is no version 7"):
        export(target, output, version=7)
    file = Path(target) / "training" / "1" / "compressed.keras"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match=r"training/1/compressed\.keras"):
        export(target, output)
    shutil.rmtree(file.parent)
    with pytest.raises(DeployError, match="nothing is stored of the training of version 1"):
        export(target, output)
    assert not (tmp_path / "out").exists()
