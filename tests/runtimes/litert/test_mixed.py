"""Layers that stay in floats while the others go to 8 bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from trimtab.batch import INPUT, OUTPUT
from trimtab.compress.base import Context
from trimtab.compress.layers import layers as of_files
from trimtab.errors import CompressionError
from trimtab.models.tensors import answer
from trimtab.runtimes.litert import RUNTIME
from trimtab.runtimes.litert.flatbuffer import MOVES, Graph
from trimtab.runtimes.litert.params import LiteRTInt8
from trimtab.runtimes.ranges import Judge

Written = Callable[..., dict[str, str]]
KINDS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@pytest.fixture
def written(context: Context, tmp_path: Path) -> Written:
    """Returns a function that says what each operator of a file computes in, by the layer that it is."""

    def write(model: keras.Model, judge: Judge | None = None, **given: object) -> dict[str, str]:
        params = LiteRTInt8.model_validate({"ranges": "min_max", "calibration_examples": 50, **given})
        RUNTIME.convert(model, "int8", params, tmp_path, lambda n: {INPUT: context.calibration(n)}, judge)
        (graph,) = Graph.all((tmp_path / "model.tflite").read_bytes())
        return {
            f"{operator.kind} {graph.tensor(operator.outputs[0]).Name().decode()}": _kind(graph, operator)
            for operator in graph.operators
            if operator.kind not in MOVES
        }

    return write


def _kind(graph: Graph, operator: object) -> str:
    return "int8" if graph.tensor(operator.inputs[0]).Type() == 9 else "float"


def _floats(found: dict[str, str]) -> list[str]:
    """Returns which operators with a kernel are in floats, by their place among these."""
    kernels = [kind for name, kind in found.items() if name.startswith(KINDS)]
    return [f"{place}" for place, kind in enumerate(kernels) if kind == "float"]


def test_layers_stay_in_floats_by_name(models: dict[str, keras.Model], written: Written) -> None:
    assert _floats(written(models["cnn"])) == []
    assert _floats(written(models["cnn"], keep_float="conv_1")) == ["0"]
    assert _floats(written(models["cnn"], keep_float="conv_1 out")) == ["0", "3"]
    assert _floats(written(models["cnn"], keep_float="conv_?")) == ["0", "2"]


def test_only_some_layers_are_quantized(models: dict[str, keras.Model], written: Written) -> None:
    found = written(models["cnn"], only="depthwise conv_3")
    assert _floats(found) == ["0", "3"]
    assert [kind for name, kind in found.items() if name.startswith(("ADD", "MAX_POOL", "SOFTMAX"))] == [
        "float"
    ] * 3
    assert _floats(written(models["cnn"], only="depthwise conv_3", keep_float="conv_3")) == ["0", "2", "3"]


def test_a_name_that_is_no_layers_is_refused_with_those_that_are(
    models: dict[str, keras.Model], written: Written
) -> None:
    with pytest.raises(CompressionError, match="'conv_9' is no layer's name") as caught:
        written(models["cnn"], keep_float="conv_1 conv_9")
    assert "depthwise" in caught.value.hint
    with pytest.raises(CompressionError, match="no operator was quantized"):
        written(models["cnn"], keep_float="*")


def _judge(model: keras.Model, x: np.ndarray, y: np.ndarray) -> Judge:
    expected = answer(model, {INPUT: x})[OUTPUT]

    def judge(place: Path) -> tuple[float, ...]:
        found = RUNTIME.load(place).predict({INPUT: x})[OUTPUT]
        return float(np.abs(found - expected).mean()), float(np.square(found - expected).mean())

    return judge


def test_the_layers_that_cost_the_most_stay_in_floats_until_no_more_is_lost(
    models: dict[str, keras.Model],
    written: Written,
    digits: tuple[np.ndarray, np.ndarray],
    tmp_path: Path,
) -> None:
    """A kernel with a weight that is a thousand times as large as the others has no codes for these."""
    hurt = keras.models.clone_model(models["mlp"])
    hurt.set_weights(models["mlp"].get_weights())
    kernel, bias = hurt.get_layer("dense_2").get_weights()
    unused = int(np.argmin(np.abs(kernel).sum(axis=1)))
    dead_kernel, dead_bias = hurt.get_layer("dense_1").get_weights()
    dead_kernel[:, unused], dead_bias[unused] = 0, -1  # what never fires: its weights change nothing
    hurt.get_layer("dense_1").set_weights([dead_kernel, dead_bias])
    kernel[unused] = 1_000
    hurt.get_layer("dense_2").set_weights([kernel, bias])
    x, y = digits[0][1000:1200], digits[1][1000:1200]
    judge = _judge(hurt, x, y)
    written(hurt)
    assert judge(tmp_path)[0] > 0.05
    assert _floats(written(hurt, judge, max_drop=0.5)) == []
    assert _floats(written(hurt, judge, max_drop=0.02)) == ["1"]
    assert judge(tmp_path)[0] <= 0.02
    params = LiteRTInt8(ranges="min_max", max_drop=0.02)
    chosen = RUNTIME.convert(hurt, "int8", params, tmp_path, lambda n: {INPUT: digits[0][:n]}, judge)
    found = of_files(hurt, RUNTIME, tmp_path, {INPUT: x[:4]}, chosen.losses).layers
    losses = {layer.name: layer.loss for layer in found if layer.loss is not None}
    assert len(losses) == 3
    assert max(losses, key=losses.get) == "dense_2"
    assert losses["dense_2"] > 0.05 > losses["out"]
    with pytest.raises(CompressionError, match="max_drop"):
        written(hurt, judge, max_drop=0.0)
