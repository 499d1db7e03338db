"""A file without what nothing needs to run it."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers
from served import outputs

from trimtab.batch import INPUT
from trimtab.compress.base import Context
from trimtab.compress.layers import layers as of_files
from trimtab.runtimes.litert import RUNTIME
from trimtab.runtimes.litert.convert import convert
from trimtab.runtimes.litert.flatbuffer import Graph
from trimtab.runtimes.litert.quantizations import int8
from trimtab.runtimes.litert.slim import short_name, slim


@pytest.mark.parametrize("name", ["cnn", "mlp"])
@pytest.mark.parametrize("method", ["none", "int8"])
def test_it_is_smaller_and_answers_the_same(
    name: str, method: str, models: dict[str, keras.Model], context: Context, kept_back: np.ndarray
) -> None:
    model = models[name]
    before = convert(model) if method == "none" else int8(model, {INPUT: context.calibration(50)})("min_max")
    after = slim(before)
    assert len(after) < len(before) - 500
    np.testing.assert_array_equal(outputs(after, kept_back), outputs(before, kept_back))
    assert [graph.operators for graph in Graph.all(after)] == [graph.operators for graph in Graph.all(before)]
    assert Interpreter(model_content=after).get_signature_list() == {
        "serving_default": {"inputs": ["input"], "outputs": ["output"]}
    }
    assert slim(after) == after


def test_names_are_unlike_each_other_and_tell_layers(
    models: dict[str, keras.Model], context: Context, tmp_path: Path
) -> None:
    RUNTIME.convert(models["cnn"], "none", RUNTIME.quantizers["none"].params(), tmp_path, lambda n: {})
    for graph in Graph.all((tmp_path / "model.tflite").read_bytes()):
        names = [tensor.Name() for tensor in graph.tensors()]
        assert len(set(names)) == len(names)
        assert max(map(len, names)) < 40
    found = of_files(models["cnn"], RUNTIME, tmp_path, {INPUT: context.calibration(4)})
    assert next(layer.name for layer in found.layers if layer.size_bytes).startswith("conv_1 + bn_1")
    assert all(layer.error is not None and layer.error < 1e-5 for layer in found.layers)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("net_1/wide_1/MatMul;net_1/wide_1/BiasAdd;net_1/cut_1/Relu", "wide_1;cut_1"),
        ("net/attention/query/einsum", "attention"),
        ("net/Reshape", "net"),
        ("Identity", "Identity"),
        ("", ""),
    ],
)
def test_of_names_the_layers_stay(name: str, short: str) -> None:
    assert short_name(name) == short


def test_the_bodies_of_loops_stay_whole(tmp_path: Path) -> None:
    inputs = keras.Input((5, 3))
    model = keras.Model(inputs, layers.Dense(2)(layers.LSTM(4)(inputs)))
    x = np.random.default_rng(0).normal(size=(6, 5, 3)).astype(np.float32)
    before = convert(model)
    assert len(Graph.all(before)) > 1
    np.testing.assert_array_equal(outputs(slim(before), x), outputs(before, x))


def test_a_file_of_others_is_taken_as_it_is(models: dict[str, keras.Model], tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.tflite"
    theirs.write_bytes(convert(models["mlp"]))
    RUNTIME.requantize(theirs, "none", RUNTIME.quantizers["none"].params(), tmp_path, lambda n: {})
    assert (tmp_path / "model.tflite").read_bytes() == theirs.read_bytes()
