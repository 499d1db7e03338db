"""Models that are classes of one's own: called on symbolic inputs, opened, and given a file's weights."""

import sys
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest

from trimtab.config.model import Model
from trimtab.errors import ModelError
from trimtab.models import archive, registry
from trimtab.models.spec import AnswerSpec, InputSpec, ModelSpec

CODE = """
import keras
from keras import layers

class Block(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.norm = layers.Dense(6, activation="relu"), layers.BatchNormalization()

    def call(self, x, training=None):
        return self.norm(self.dense(x), training=training)

class Net(keras.Model):
    def __init__(self, outputs, branches=False, **kwargs):
        super().__init__(**kwargs)
        self.outputs_, self.branches = outputs, branches
        self.first, self.second = Block(), keras.Sequential([layers.Dense(6), layers.Dropout(0.5)])
        self.head = layers.Dense(outputs, activation="softmax")

    def call(self, x, training=False):
        x = self.first(x, training=training)
        if not self.branches:
            return self.head(x + self.second(x, training=training))
        return self.head(self.second(x) if training else x)

    def get_config(self):
        return {**super().get_config(), "outputs": self.outputs_, "branches": self.branches}

def plain(hp, spec):
    return Net(spec.outputs)

def wider(hp, spec):
    return keras.Sequential([layers.Dense(8), layers.Dense(spec.outputs, activation="softmax")])

def branching(hp, spec):
    return Net(spec.outputs, branches=True)

class Fails(keras.Model):
    def call(self, x):
        return x.no_such_thing

def fails(hp, spec):
    return Fails()

class Named(keras.Model):
    def __init__(self, spec, **kwargs):
        super().__init__(**kwargs)
        self.spec = spec
        self.heads = {"kind": layers.Dense(3, activation="softmax"), "weight": layers.Dense(1)}

    def call(self, given):
        x = layers.concatenate([given["left"], given["right"]])
        return {name: head(x) for name, head in self.heads.items()}

def named(hp, spec):
    return Named(None)
"""


@pytest.fixture(scope="module", autouse=True)
def code(tmp_path_factory):
    directory = tmp_path_factory.mktemp("subclassed")
    (directory / "my_classes.py").write_text(CODE)
    sys.path.insert(0, str(directory))
    yield
    sys.path.remove(str(directory))
    sys.modules.pop("my_classes", None)


def build(name: str, spec: ModelSpec, **section: object) -> keras.Model:
    model = Model(builder=f"my_classes:{name}", **section)
    return registry.build(model, spec, keras_tuner.HyperParameters())


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def test_its_layers_are_those_inside_and_train_as_they_did(table_spec: ModelSpec) -> None:
    model = build("plain", table_spec)
    assert {"Dense", "BatchNormalization", "Dropout", "Add"} >= set(kinds(model)) - {"InputLayer"}
    assert kinds(model).count("Dense") == 3
    x = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    assert not np.allclose(model(x, training=True), model(x, training=True))  # it drops out
    before = model.get_layer(
        next(layer.name for layer in model.layers if "normalization" in layer.name)
    ).get_weights()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, np.zeros(64), verbose=0)
    after = model.get_layer(
        next(layer.name for layer in model.layers if "normalization" in layer.name)
    ).get_weights()
    assert not np.allclose(before[2], after[2])  # its batch normalization counts along


def test_one_whose_code_branches_on_training_stays_one_layer_and_is_loaded_again(
    table_spec: ModelSpec, tmp_path: Path
) -> None:
    model = build("branching", table_spec)
    assert "Net" in kinds(model)
    model.save(tmp_path / "model.keras")
    loaded = archive.load(tmp_path / "model.keras", Model(builder="my_classes:branching"))
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_allclose(loaded(x), model(x), rtol=1e-6)


def test_inputs_and_outputs_are_by_name() -> None:
    each = InputSpec("tabular", (2,), "float32")
    spec = ModelSpec(
        "named", "joint", (4,), "float32", 4,
        inputs={"left": each, "right": each},
        answers={"kind": AnswerSpec("classification", 3), "weight": AnswerSpec("regression", 1)},
    )  # fmt: skip
    model = build("named", spec)
    assert model.output_names == ["kind", "weight"]
    assert [tensor.name for tensor in model.inputs] == ["left", "right"]


def test_what_it_cannot_be_called_on_is_told(table_spec: ModelSpec) -> None:
    with pytest.raises(ModelError, match=r"(?s)Fails cannot be called.*no_such_thing.*keras\.ops"):
        build("fails", table_spec)


@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_an_archive_beside_the_builder_gives_its_weights(
    table_spec: ModelSpec, tmp_path: Path, ending: str
) -> None:
    import my_classes  # type: ignore[import-not-found]

    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    net = my_classes.Net(table_spec.outputs)
    expected = net(x)
    file = tmp_path / f"net{ending}"
    (net.save if ending == ".keras" else net.save_weights)(file)
    np.testing.assert_allclose(build("plain", table_spec, archive=str(file))(x), expected, atol=1e-5)


def test_weights_of_another_model_or_of_none_are_refused(table_spec: ModelSpec, tmp_path: Path) -> None:
    file = tmp_path / "other.weights.h5"
    build("wider", table_spec).save_weights(file)
    with pytest.raises(ModelError, match="does not take its weights") as caught:
        build("plain", table_spec, archive=str(file))
    assert str(file) in str(caught.value)
    file.write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cut or damaged"):
        build("plain", table_spec, archive=str(file))
    with pytest.raises(ModelError, match="no such file"):
        build("plain", table_spec, archive=str(tmp_path / "missing.keras"))
