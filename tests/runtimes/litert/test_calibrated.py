"""What is needed of the converter's two steps, which it does not publish."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from trimtab.batch import INPUT
from trimtab.runtimes.litert import calibrated, quantizations
from trimtab.runtimes.litert.convert import convert


@pytest.fixture(scope="module")
def floats(models: dict[str, keras.Model], digits: tuple[np.ndarray, np.ndarray]) -> bytes:
    def configure(converter: Any) -> None:
        quantizations._int8(converter, {INPUT: digits[0][:50]})
        calibrated.calibrate_only(converter)

    return convert(models["cnn"], configure)


def _graph(content: bytes) -> list[Any]:
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (graph,) = model.subgraphs
    tensors = [
        (
            tensor.type,
            list(tensor.shape),
            None if tensor.quantization is None else np.ravel(tensor.quantization.scale).tolist(),
            np.ravel(model.buffers[tensor.buffer].data).tolist(),
        )
        for tensor in graph.tensors
    ]
    operators = [
        (model.operatorCodes[each.opcodeIndex].builtinCode, list(each.inputs), list(each.outputs))
        for each in graph.operators
    ]
    return [tensors, operators]


def test_two_steps_give_what_one_does(
    floats: bytes, models: dict[str, keras.Model], digits: tuple[np.ndarray, np.ndarray]
) -> None:
    whole = convert(models["cnn"], lambda c: quantizations._int8(c, {INPUT: digits[0][:50]}))
    assert _graph(calibrated.quantize(floats)) == _graph(whole)


def test_every_activation_has_a_range_and_values_inside_it(
    floats: bytes, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    found = calibrated.read_ranges(floats)
    assert found["input"] == (0.0, 1.0)
    values = calibrated.values(floats, found, {INPUT: digits[0][:50]})
    assert values.keys() == found.keys()
    assert len(values) >= 6
    for name, (low, high) in found.items():
        assert low - 1e-4 <= values[name].min() <= values[name].max() <= high + 1e-4


def test_a_range_is_what_the_steps_are_of(floats: bytes) -> None:
    half = {name: (low / 2, high / 2) for name, (low, high) in calibrated.read_ranges(floats).items()}
    found = calibrated.read_ranges(calibrated.with_ranges(floats, half))
    assert {name: ends[1] for name, ends in found.items()} == {name: ends[1] for name, ends in half.items()}
    steps = [
        [each[2] for each in _graph(calibrated.quantize(content))[0] if each[1] == [1, 8, 8, 1]]
        for content in (floats, calibrated.with_ranges(floats, half))
    ]
    (whole,), (narrow,) = ([each[0] for each in found if each and each[0]] for found in steps)
    assert narrow == pytest.approx(whole / 2)
