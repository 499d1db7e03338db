from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest

from trimtab.config.model import Model
from trimtab.errors import ConfigError, ModelError
from trimtab.models import archive, registry
from trimtab.models.inlined import inlined
from trimtab.models.spec import ModelSpec

SOURCE = """
import keras
from keras import layers

def head(x, spec):
    return layers.Dense(spec.outputs, activation="softmax")(x)

def good(hp, spec):
    inputs = keras.Input(spec.input_shape)
    x = layers.Dense(hp.Int("width", 2, 8, default=4), activation=hp.Choice("act", ["relu", "tanh"]))(inputs)
    return keras.Model(inputs, head(x, spec))

def sequential(hp, spec):
    return keras.Sequential([keras.Input(spec.input_shape), layers.Dense(spec.outputs, activation="softmax")])

def listed(hp, spec):
    inputs = keras.Input(spec.input_shape)
    return keras.Model([inputs], [head(inputs, spec)])

def operations(hp, spec):
    inputs = keras.Input(spec.input_shape)
    x = inputs * keras.ops.rsqrt(keras.ops.var(inputs, -1, keepdims=True) + 1e-5)
    return keras.Model(inputs, head(keras.ops.cast(keras.ops.cast(x, "float16"), "float32"), spec))

def with_lambda(hp, spec):
    inputs = keras.Input(spec.input_shape)
    return keras.Model(inputs, head(layers.Lambda(lambda x: x * 2)(inputs), spec))

def with_function(hp, spec):
    inputs = keras.Input(spec.input_shape)
    return keras.Model(inputs, head(layers.Dense(3, activation=lambda x: x * 2)(inputs), spec))

class Gain(layers.Layer):
    def call(self, x):
        return x * 2

def with_layer(hp, spec):
    inputs = keras.Input(spec.input_shape)
    return keras.Model(inputs, head(Gain()(inputs), spec))

def swish_of_mine(x):
    return x * keras.ops.sigmoid(1.5 * x)

def with_swish(hp, spec):
    inputs = keras.Input(spec.input_shape)
    return keras.Model(inputs, head(layers.Dense(3, activation=swish_of_mine)(inputs), spec))

def with_activation(hp, spec):
    inputs = keras.Input(spec.input_shape)
    return keras.Model(inputs, head(layers.Activation(swish_of_mine)(inputs), spec))

def with_numpy(hp, spec):
    import numpy
    inputs = keras.Input(spec.input_shape)
    twice = layers.Lambda(lambda x: numpy.asarray(x) * 2, output_shape=spec.input_shape)
    return keras.Model(inputs, head(twice(inputs), spec))

def with_hidden_layer(hp, spec):
    class Hidden(layers.Layer):
        def call(self, x):
            return x * 2
    inputs = keras.Input(spec.input_shape)
    return keras.Model(inputs, head(Hidden()(inputs), spec))

class Forgetful(layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = object()

    def call(self, x):
        return x * 2

def with_forgetful_layer(hp, spec):
    inputs = keras.Input(spec.input_shape)
    return keras.Model(inputs, head(Forgetful(object())(inputs), spec))

def nested(hp, spec):
    inputs = keras.Input(spec.input_shape)
    inner = keras.Sequential([keras.Input(spec.input_shape), layers.Dense(3)])
    return keras.Model(inputs, head(inner(inputs), spec))

def same_names(hp, spec):
    inputs = keras.Input(spec.input_shape)
    inner = keras.Sequential([keras.Input(spec.input_shape), layers.Dense(3, name="twice")])
    return keras.Model(inputs, head(layers.Dense(3, name="twice")(inner(inputs)), spec))

def unbuilt(hp, spec):
    return keras.Sequential([layers.Dense(spec.outputs, activation="softmax")])

class Subclassed(keras.Model):
    def call(self, x):
        return x

def subclassed(hp, spec):
    return Subclassed()

def two_inputs(hp, spec):
    a, b = keras.Input(spec.input_shape), keras.Input(spec.input_shape)
    return keras.Model([a, b], head(layers.Add()([a, b]), spec))

def two_outputs(hp, spec):
    inputs = keras.Input(spec.input_shape)
    return keras.Model(inputs, [head(inputs, spec), head(inputs, spec)])

def logits(hp, spec):
    inputs = keras.Input(spec.input_shape)
    return keras.Model(inputs, layers.Dense(spec.outputs)(inputs))

def wrong_shape(hp, spec):
    inputs = keras.Input((7,))
    return keras.Model(inputs, head(inputs, spec))

def not_finite(hp, spec):
    inputs = keras.Input(spec.input_shape)
    return keras.Model(inputs, layers.Rescaling(float("inf"))(head(inputs, spec)))

def nothing(hp, spec):
    pass

def fails(hp, spec):
    raise KeyError("my own mistake")

def leaves(hp, spec):
    import sys
    sys.exit(0)

def legacy(hp, spec):
    import tf_keras
    return tf_keras.Sequential([tf_keras.layers.Dense(2)])

constant = 3
"""


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "my_models.py").write_text(SOURCE)
    (tmp_path / "broken.py").write_text("import a_module_that_is_not_there\n")
    (tmp_path / "syntax.py").write_text("def build(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("my_models", "broken", "syntax"):
        sys.modules.pop(name, None)


def build(name: str, spec: ModelSpec, **params: object) -> keras.Model:
    model = Model(builder=name if ":" in name else f"my_models:{name}", params=params)
    return registry.build(model, spec, keras_tuner.HyperParameters())


@pytest.mark.parametrize("name", ["good", "sequential", "listed", "nested", "unbuilt"])
def test_result_is_flat_and_takes_one_tensor(table_spec: ModelSpec, name: str) -> None:
    model = build(name, table_spec)
    assert isinstance(model.input, keras.KerasTensor)
    assert isinstance(model.output, keras.KerasTensor)
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    y = model(np.ones((2, 4), np.float32))
    np.testing.assert_allclose(np.sum(y, axis=-1), 1, rtol=1e-5)


def test_params_fix_its_hyper_parameters(table_spec: ModelSpec) -> None:
    hp = keras_tuner.HyperParameters()
    model = registry.build(Model(builder="my_models:good", params={"width": 6}), table_spec, hp)
    assert model.layers[1].units == 6
    assert [type(p).__name__ for p in hp.space if p.name == "width"] == ["Fixed"]
    assert hp.values == {"width": 6, "act": "relu"}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"widht": 6}, r"widht[\s\S]*Did you mean width\? It has: act, width"),
        ({"width": "six"}, "whole number"),
        ({"width": 2.5}, "whole number"),
        ({"width": 0}, "from 1 up"),
        ({"act": "gelu"}, "one of relu, tanh"),
    ],
)
def test_wrong_params(table_spec: ModelSpec, params: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build("good", table_spec, **params)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("same_names", "cannot be flattened"),
        ("subclassed", "expected the output shape"),
        ("two_inputs", "exactly one input"),
        ("two_outputs", "exactly one output"),
        ("logits", "probabilities that sum to 1"),
        ("wrong_shape", "expected the input shape"),
        ("not_finite", "not finite"),
        ("nothing", "expected a Keras 3 model"),
        ("fails", "KeyError: 'my own mistake'"),
        ("leaves", "building the model failed: SystemExit: 0"),
        ("legacy", r"tf_keras[\s\S]*import keras"),
        ("missing", r"has no function missing[\s\S]*good"),
        ("constant", "has no function constant"),
        ("broken:build", "a_module_that_is_not_there"),
        ("syntax:build", "SyntaxError"),
        ("not_a_module:build", "not_a_module"),
    ],
)
def test_failure_names_the_function(table_spec: ModelSpec, name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        build(name, table_spec)
    assert (name if ":" in name else f"my_models:{name}") in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_typed_error_of_the_builder_keeps_its_words(table_spec: ModelSpec) -> None:
    with pytest.raises(ModelError, match="softmax"):
        build("logits", table_spec)


def test_keras_operations_are_its_own(table_spec: ModelSpec) -> None:
    assert build("operations", table_spec).count_params() > 0


@pytest.mark.parametrize(
    "name", ["with_lambda", "with_function", "with_swish", "with_activation", "with_layer"]
)
def test_functions_and_layers_of_its_module_are_saved_and_loaded(
    table_spec: ModelSpec, tmp_path: Path, name: str
) -> None:
    model = build(name, table_spec)
    model.save(tmp_path / "model.keras")
    loaded = archive.load(tmp_path / "model.keras", Model(builder=f"my_models:{name}"))
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_allclose(loaded(x), model(x), rtol=1e-6)


def test_functions_compute_what_they_computed(table_spec: ModelSpec) -> None:
    import my_models  # type: ignore[import-not-found]

    keras.utils.set_random_seed(0)
    built = my_models.with_function(keras_tuner.HyperParameters(), table_spec)
    result = inlined(built, "my_models:with_function")
    assert not any(isinstance(layer, keras.layers.Lambda) for layer in result.layers)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_array_equal(result(x), built(x))


def test_a_layer_of_its_own_is_none_of_anybodys_file(table_spec: ModelSpec, tmp_path: Path) -> None:
    build("with_layer", table_spec).save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match="Gain comes from the module my_models"):
        archive.load(tmp_path / "model.keras")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("with_numpy", "its function is none that can be saved"),
        ("with_hidden_layer", "Hidden comes from the module"),
        ("with_forgetful_layer", "cannot be saved and loaded"),
    ],
)
def test_code_that_no_later_stage_could_make_again_is_refused_before_training(
    table_spec: ModelSpec, name: str, message: str
) -> None:
    with pytest.raises(ModelError, match=rf"(?s){message}.*module"):
        build(name, table_spec)
