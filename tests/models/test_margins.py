"""A margin of minus infinity goes, and the answers stay; what is no such margin stays as it is."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from trimtab.batch import INPUT, OUTPUT
from trimtab.models import registry
from trimtab.models.margins import without_margins
from trimtab.models.spec import ModelSpec
from trimtab.runtimes.registry import runtime

LOWEST = float("-inf")


def _model(
    shape: tuple[int, ...], pooling: keras.layers.Layer, pad: Any, value: float = LOWEST
) -> keras.Model:
    inputs = keras.Input(shape)
    kind = {2: layers.Conv1D, 3: layers.Conv2D, 4: layers.Conv3D}[len(shape)]
    widths = [(0, 0), *[pad] * (len(shape) - 1), (0, 0)]
    padded = ops.pad(kind(3, 1)(inputs), widths, constant_values=value)
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(pooling(padded))))


def _pads(model: keras.Model) -> int:
    return sum(type(operation).__name__ == "Pad" for operation in model.operations)


@pytest.mark.parametrize(
    ("shape", "pooling", "pad"),
    [
        ((9, 2), layers.MaxPooling1D(3, 2), (1, 1)),
        ((8, 8, 2), layers.MaxPooling2D(3, 2), (1, 1)),
        ((8, 7, 2), layers.MaxPooling2D(5, 3), (2, 2)),
        ((8, 7, 2), layers.MaxPooling2D(3, 1), (1, 1)),
        ((8, 8, 2), layers.MaxPooling2D(2, 2), (0, 1)),
        ((5, 4, 6, 2), layers.MaxPooling3D(3, 2), (1, 1)),
    ],
)
def test_the_answers_are_equal_to_the_bit_without_it(
    shape: tuple[int, ...], pooling: keras.layers.Layer, pad: tuple[int, int]
) -> None:
    model = _model(shape, pooling, pad)
    after = without_margins(model)
    assert (_pads(model), _pads(after)) == (1, 0)
    examples = np.random.default_rng(0).normal(-5, 1, (4, *shape)).astype("float32")
    assert np.array_equal(np.asarray(model(examples)), np.asarray(after(examples)))


def test_8_bits_hold_what_a_saved_model_computes_behind_it(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = _model((8, 8, 2), layers.MaxPooling2D(3, 2), (1, 1))
    model.save(tmp_path / "model.keras")
    spec = ModelSpec("image", "regression", (8, 8, 2), "float32", 2)
    taken = registry.saved(str(tmp_path / "model.keras"), spec)
    examples = np.random.default_rng(0).normal(-5, 1, (64, 8, 8, 2)).astype("float32")
    litert = runtime("litert")
    asked = litert.quantizers["int8"].params(ranges="min_max")
    litert.convert(taken, "int8", asked, tmp_path, lambda count: {INPUT: examples[:count]})
    answers = litert.load(tmp_path).predict({INPUT: examples})[OUTPUT]
    expected = np.asarray(model(examples))
    assert np.abs(answers - expected).mean() < 0.02 * np.abs(expected).max()


@pytest.mark.parametrize(
    "model",
    [
        _model((8, 8, 2), layers.MaxPooling2D(3, 2), (1, 1), value=0.0),
        _model((8, 8, 2), layers.MaxPooling2D(3, 2), (2, 2)),
        _model((8, 8, 2), layers.MaxPooling2D(3, 2, padding="same"), (1, 1)),
    ],
    ids=["of zeros", "wider than is looked at", "before a margin of the pooling's own"],
)
def test_what_is_no_such_margin_stays(model: keras.Model) -> None:
    assert without_margins(model) is model


def test_a_margin_that_is_read_by_others_as_well_stays() -> None:
    inputs = keras.Input((8, 8, 1))
    padded = ops.pad(inputs, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=LOWEST)
    pooled = layers.MaxPooling2D(3, 2)(padded)
    model = keras.Model(inputs, [layers.Flatten()(pooled), layers.Flatten()(ops.maximum(padded, 0.0))])
    assert without_margins(model) is model
