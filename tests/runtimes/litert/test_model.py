from __future__ import annotations

import numpy as np
import pytest

from trimtab.batch import INPUT, OUTPUT
from trimtab.errors import ModelError
from trimtab.runtimes.litert.model import LiteRTModel


@pytest.fixture
def weights():
    return np.random.default_rng(0).normal(size=(10, 64)).astype(np.float32)


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("shape", "tokens"), [((64,), False), ((8, 8, 1), False), ((64,), True)])
def test_outputs_are_those_of_the_layer(tmp_path, linear_tflite, weights, shape, tokens):
    (tmp_path / "model.tflite").write_bytes(linear_tflite(weights, shape=shape, tokens=tokens))
    model = LiteRTModel(tmp_path / "model.tflite")
    ((taken,), (given,)) = model.inputs, model.outputs
    x = np.random.default_rng(1).uniform(-2, 2, (7, *shape)).astype(taken.dtype)
    assert (taken.name, taken.shape, given.name, given.shape) == (INPUT, shape, OUTPUT, (10,))
    assert taken.dtype == (np.int32 if tokens else np.float32)
    np.testing.assert_allclose(
        model.predict({INPUT: x})[OUTPUT], softmax(x.reshape(7, -1) @ weights.T), atol=1e-5
    )


def test_an_example_does_not_change_the_next(tmp_path, linear_tflite, weights):
    (tmp_path / "model.tflite").write_bytes(linear_tflite(weights))
    model = LiteRTModel(tmp_path / "model.tflite")
    x = np.random.default_rng(1).normal(size=(20, 64)).astype(np.float32)
    assert np.array_equal(model.predict({INPUT: x})[OUTPUT][7:8], model.predict({INPUT: x[7:8]})[OUTPUT])


@pytest.mark.parametrize("size", [0, 4, 100, 1000, -1])
def test_a_cut_file_is_a_typed_error(tmp_path, linear_tflite, weights, size):
    path = tmp_path / "cut.tflite"
    path.write_bytes(linear_tflite(weights)[:size])
    with pytest.raises(ModelError, match=r"cut\.tflite"):
        LiteRTModel(path)


def test_a_missing_file_and_other_bytes_are_typed_errors(tmp_path):
    with pytest.raises(ModelError, match="No such file"):
        LiteRTModel(tmp_path / "none.tflite")
    (tmp_path / "text.tflite").write_text("not a flatbuffer" * 100)
    with pytest.raises(ModelError, match="cannot load"):
        LiteRTModel(tmp_path / "text.tflite")


def test_wrong_shape_or_type_is_a_typed_error(tmp_path, linear_tflite, weights):
    (tmp_path / "model.tflite").write_bytes(linear_tflite(weights))
    model = LiteRTModel(tmp_path / "model.tflite")
    with pytest.raises(ModelError, match=r"expected examples of shape \(64,\)"):
        model.predict({INPUT: np.zeros((2, 63), np.float32)})
    with pytest.raises(ModelError, match="float64"):
        model.predict({INPUT: np.zeros((2, 64))})
    with pytest.raises(ModelError, match="expected the input 'input', found"):
        model.predict({"pixels": np.zeros((2, 64), np.float32)})
