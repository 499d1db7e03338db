"""What every pass promises, over the whole registry and one pass more, on two small trained models."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from compress.toy_pass import Rounding
from served import outputs

from trimtab import registry
from trimtab.compress import traits
from trimtab.compress.apply import apply
from trimtab.compress.base import Context, Pass
from trimtab.compress.ending import write
from trimtab.config.base import Section
from trimtab.config.chains import Ending, Step
from trimtab.config.config import Config
from trimtab.config.methods import KERAS, TRAITS
from trimtab.config.parameters import search_range
from trimtab.errors import CompressionError
from trimtab.models import cost

TOY = "compress.toy_pass"
NAMES = [*registry.PASSES, "rounded"]
TESTS = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers the toy pass: the one line."""
    monkeypatch.setitem(registry.PASSES, "rounded", TOY)


def declared(name: str) -> Pass[Any]:
    found: Pass[Any] = registry.module(registry.PASSES, name).PASS
    return found


def short(name: str) -> Section:
    """Returns the parameters of a short run."""
    params = declared(name).params
    return params(epochs=4, learning_rate_factor=1.0) if "epochs" in params.model_fields else params()


def applied(name: str, model: keras.Model, context: Context, directory: Path) -> Any:
    """Returns the Keras model that a pass gives, or the content of its file."""
    step = Step(name, short(name))
    if declared(name).gives == KERAS:
        return apply(step, model, context)
    write(model, Ending(name, step, declared(name).gives), directory, context)
    return next(directory.iterdir()).read_bytes()


def answers(result: Any, x: np.ndarray) -> np.ndarray:
    return outputs(result, x) if isinstance(result, bytes) else np.asarray(result(x))


def bare() -> keras.Model:
    inputs = keras.Input((8, 8, 1))
    return keras.Model(inputs, keras.layers.Softmax()(keras.layers.Flatten()(inputs)), name="bare")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_light_to_import(name: str) -> None:
    heavy = {"numpy", "tensorflow", "keras", "tf_keras", "tensorflow_model_optimization"}
    script = f"import sys, {registry.PASSES.get(name, TOY)}\nassert not {heavy} & set(sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_declared_whole(name: str) -> None:
    found = declared(name)
    assert found.summary.endswith(".")
    assert found.source.startswith("https://")
    assert found.gives in (KERAS, *registry.RUNTIMES)
    assert found.needs <= {"data", "gradients", "labels"}
    assert found.makes | found.keeps <= TRAITS
    for parameter, field in found.params.model_fields.items():
        limits, default = search_range(field), found.params().model_dump()[parameter]
        assert field.description, parameter
        assert limits, parameter
        ends = limits["values"] if "values" in limits else [limits["low"], limits["high"]]
        for value in ends:
            found.params.model_validate({parameter: value})
        assert "values" in limits or ends[0] <= default <= ends[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_config_knows_it_by_its_registration_alone(name: str) -> None:
    config = Config.model_validate(
        {"data": {"train": "x"}, "model": {"architecture": "mlp"}, "recipes": [[name]]}
    )
    _, candidate = config.candidates().values()
    assert name in {step.name for step in candidate.steps}
    assert f'"{name}"' in str(Config.model_json_schema()).replace("'", '"')


@pytest.mark.parametrize("architecture", ["cnn", "mlp"])
@pytest.mark.parametrize("name", NAMES)
def test_it_gives_one_that_is_nearly_as_good_and_always_the_same_and_leaves_the_given_one_alone(
    name: str,
    architecture: str,
    models: dict[str, keras.Model],
    context: Context,
    kept_back: np.ndarray,
    accuracy: Callable[[np.ndarray], float],
    tmp_path: Path,
) -> None:
    model = models[architecture]
    before, expected = cost.weights_sha256(model), accuracy(np.asarray(model(kept_back)))
    result = applied(name, model, context, tmp_path / "once")
    assert cost.weights_sha256(model) == before
    found = answers(result, kept_back)
    assert (found.shape, found.dtype) == ((len(kept_back), 10), np.float32)
    assert accuracy(found) > expected - 0.1
    if architecture == "mlp":
        again = answers(applied(name, model, context, tmp_path / "again"), kept_back)
        np.testing.assert_array_equal(again, found, "the same seed gives the same")
    if isinstance(result, keras.Model):
        assert all(layer.dtype_policy.name == "float32" for layer in result.layers)
        result.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        assert cost.weights_sha256(loaded) == cost.weights_sha256(result)
        made = traits.measure(result)
        assert declared(name).makes - {"widths"} <= made.names
        if "widths" in declared(name).makes:
            assert sum(made.widths.values()) < sum(traits.measure(model).widths.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_it_can_do_nothing_for_is_refused(name: str, context: Context, tmp_path: Path) -> None:
    with pytest.raises(CompressionError):
        applied(name, bare(), context, tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_what_earlier_steps_made_or_is_refused_before_it_begins(
    name: str, models: dict[str, keras.Model], context: Context, tmp_path: Path
) -> None:
    kept = declared(name).keeps & {"zeros", "two_four"}
    for trait in {"zeros", "two_four"} - kept:
        with pytest.raises(CompressionError, match="would destroy"):
            applied(name, _with(trait, trait, models["mlp"]), context, tmp_path)
    if not kept:
        return
    sparse = _with("two_four" if "two_four" in kept else "zeros", "zeros", models["mlp"])
    assert traits.measure(sparse).names == kept
    result = applied(name, sparse, context, tmp_path)
    if isinstance(result, keras.Model):
        assert traits.measure(result).names >= kept
        assert traits.lost(sparse, result) == ""


def _with(first: str, second: str, model: keras.Model) -> keras.Model:
    """Returns a copy of a model whose first and second hidden kernel have a trait each."""
    from trimtab.models.functional import copy

    made = copy(model)
    for name, trait in (("dense_1", first), ("dense_2", second)):
        kernel, bias = made.get_layer(name).get_weights()
        if trait == "zeros":
            kernel[np.abs(kernel) < np.quantile(np.abs(kernel), 0.4)] = 0
        else:
            blocks = kernel.reshape(-1, 4, kernel.shape[-1])
            smallest = np.argsort(np.abs(blocks), axis=1)[:, :2]
            np.put_along_axis(blocks, smallest, 0, axis=1)
            kernel = blocks.reshape(kernel.shape)
        made.get_layer(name).set_weights([kernel, bias])
    return made


def test_the_toy_is_a_pass_like_any_other() -> None:
    assert declared("rounded").params is Rounding
