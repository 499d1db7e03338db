"""Graphs and weights of saved models, which are read without Keras."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.graph_pb2 import GraphDef

from trimtab.errors import ModelError
from trimtab.report.tensorboard.archive import layers_of, weights_of
from trimtab.report.tensorboard.graph import graph_of, write_graph
from trimtab.report.tensorboard.histograms import write_histograms, write_kernels


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path]:
    """Returns a model with a branch, whose layers are not named as they are saved, and its file."""
    inputs = keras.Input((8, 8, 1), name="image")
    left = keras.layers.Conv2D(4, 3, padding="same", use_bias=False, name="first")(inputs)
    left = keras.layers.BatchNormalization(name="norm")(left)
    right = keras.layers.SeparableConv2D(4, 3, padding="same", name="apart")(inputs)
    joined = keras.layers.Add(name="join")([left, right])
    outputs = keras.layers.Dense(3, name="answers")(keras.layers.Flatten(name="flat")(joined))
    model = keras.Model(inputs, outputs)
    file = tmp_path_factory.mktemp("saved") / "model.keras"
    model.save(file)
    return model, file


def test_weights_are_those_of_the_model_by_layer_and_name(saved: tuple[keras.Model, Path]) -> None:
    model, file = saved
    found = dict(weights_of(file))
    for layer in model.layers:
        ours = [values for name, values in found.items() if name.startswith(f"{layer.name}/")]
        for mine, weight in zip(ours, layer.weights, strict=True):
            np.testing.assert_array_equal(mine, np.asarray(weight))
    assert {"first/kernel", "norm/gamma", "norm/moving_variance", "answers/bias", "apart/2"} <= set(found)


def test_each_pass_is_a_step_of_the_histograms(
    saved: tuple[keras.Model, Path], tmp_path: Path, shown: Callable[[Path], Any]
) -> None:
    _, file = saved
    write_histograms(tmp_path, [file, file, file])
    assert "first/kernel" in shown(tmp_path)["."]["histograms"]
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [event.step for event in events.Tensors("answers/kernel")] == [0, 1, 2]


def test_kernels_of_files_have_the_names_that_they_had_in_floats(
    tmp_path: Path, shown: Callable[[Path], Any]
) -> None:
    values = np.arange(4.0)
    before = {"relu_1;conv_1": values, "answers": values[:3]}
    write_kernels(tmp_path / "all", before, {"twin/relu_1": values + 0.1, "twin/answers": values[:3]})
    assert set(shown(tmp_path)["all"]["histograms"]) == {"file/conv_1 + relu_1", "file/answers"}
    events = EventAccumulator(str(tmp_path / "all")).Reload()
    assert [event.step for event in events.Tensors("file/answers")] == [0, 1]
    write_kernels(tmp_path / "alone", {}, {"answers": values})
    events = EventAccumulator(str(tmp_path / "alone")).Reload()
    assert [event.step for event in events.Tensors("file/answers")] == [1]


def test_the_graph_has_a_node_a_layer_and_what_it_takes(
    saved: tuple[keras.Model, Path], tmp_path: Path
) -> None:
    _, file = saved
    nodes = {node.name: node for node in graph_of(layers_of(file)).node}
    assert nodes["join"].op == "Add"
    assert list(nodes["join"].input) == ["norm", "apart"]
    assert nodes["first"].attr["filters"].s == b"4"
    (shape,) = nodes["join"].attr["_output_shapes"].list.shape
    assert [dim.size for dim in shape.dim] == [-1, 8, 8, 4]
    write_graph(tmp_path, file)
    read = GraphDef.FromString(EventAccumulator(str(tmp_path)).Reload().Graph().SerializeToString())
    assert {node.name for node in read.node} == set(nodes)


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="the file is cut"):
        write_graph(tmp_path / "graph", tmp_path / "model.keras")
