"""ONNX Runtime's 8 bits answer alike on every processor."""

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.models.tensors import answer
from trimtab.runtimes.registry import runtime

pytest.importorskip("onnxruntime", reason="needs the extra onnx")


def test_products_of_8_bits_do_not_saturate(tmp_path):
    """With signed weights, 5 % of the answers' variance was wrong on a processor without VNNI."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16,))
    inside = layers.Dense(256, activation="relu")(layers.Dense(256, activation="relu")(inputs))
    model = keras.Model(inputs, layers.Dense(3)(inside))
    rows = np.random.default_rng(0).normal(size=(256, 16)).astype(np.float32)
    serving = runtime("onnxruntime")
    params = serving.quantizers["int8"].params()
    serving.convert(model, "int8", params, tmp_path, lambda count: {"input": rows[:count]})
    expected = answer(model, {"input": rows})["output"]
    found = serving.load(tmp_path).predict({"input": rows})["output"]
    assert np.var(found - expected) < 2e-3 * np.var(expected)
