"""What the export to ONNX does not take as it is: convolutions in groups, constants that are left over."""

from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from keras import layers, ops

from trimtab.batch import INPUT, OUTPUT
from trimtab.runtimes.registry import runtime

pytest.importorskip("onnxruntime")


def _in_groups() -> keras.Model:
    inputs = keras.Input((8, 8, 4))
    x = layers.Conv2D(8, 3, groups=2)(inputs)
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(layers.Conv2D(8, 3, groups=8)(x))))


class _Positions(layers.Layer):
    def build(self, shape: tuple[int, ...]) -> None:
        self.table = self.add_weight(shape=(64, 1), name="table")
        self.places = ops.arange(64)

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return x + ops.reshape(ops.take(self.table, self.places, axis=0), (1, 8, 8, 1))


def _with_positions() -> keras.Model:
    inputs = keras.Input((8, 8, 4))
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(_Positions()(inputs))))


def _normalizing() -> keras.Model:
    inputs = keras.Input((8, 8, 4))
    x = layers.Normalization(mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 1.5, 2.0, 2.5])(inputs)
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))


@pytest.mark.parametrize("quantizer", ["none", "int8"])
@pytest.mark.parametrize("make", [_in_groups, _with_positions, _normalizing])
def test_it_has_the_models_inputs_alone_and_answers_as_it_does(make, quantizer: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model, examples = make(), np.random.default_rng(0).normal(size=(32, 8, 8, 4)).astype(np.float32)
    serving = runtime("onnxruntime")
    params = serving.quantizers[quantizer].params()
    serving.convert(model, quantizer, params, tmp_path, lambda count: {INPUT: examples[:count]})
    assert len(onnx.load(tmp_path / "model.onnx").graph.input) == 1
    expected = np.asarray(model(examples))
    found = serving.load(tmp_path).predict({INPUT: examples})[OUTPUT]
    assert np.abs(found - expected).mean() < (1e-5 if quantizer == "none" else 0.03) * expected.std()
