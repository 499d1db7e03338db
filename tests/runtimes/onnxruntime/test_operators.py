"""Operators that Keras exports by TensorFlow's names run all the same."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from trimtab.models.tensors import answer
from trimtab.runtimes.registry import runtime

pytest.importorskip("onnxruntime", reason="needs the extra onnx")


class ExactGelu(layers.Layer):
    """As transformers have it."""

    def call(self, x):
        return ops.gelu(x, approximate=False)


@pytest.mark.parametrize("quantizer", ["none", "int8"])
def test_an_exact_gelu(quantizer, tmp_path):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    model = keras.Model(inputs, layers.Dense(3)(ExactGelu()(layers.Dense(64)(inputs))))
    serving = runtime("onnxruntime")
    rows = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)
    params = serving.quantizers[quantizer].params()
    serving.convert(model, quantizer, params, tmp_path, lambda count: {"input": rows[:count]})
    found = serving.load(tmp_path).predict({"input": rows})["output"]
    expected = answer(model, {"input": rows})["output"]
    assert np.var(found - expected) < np.var(expected) * (1e-8 if quantizer == "none" else 1e-2)
