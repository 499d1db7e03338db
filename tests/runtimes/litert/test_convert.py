"""Keras 3 models as LiteRT files."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from keras import layers
from served import outputs

from trimtab.models.tensors import answer
from trimtab.runtimes.litert import convert
from trimtab.runtimes.litert.model import LiteRTModel
from trimtab.runtimes.litert.words import reason


def operators(flatbuffer: bytes) -> list[str]:
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    model = schema.Model.GetRootAs(flatbuffer, 0)
    graph = model.Subgraphs(0)
    codes = (model.OperatorCodes(graph.Operators(i).OpcodeIndex()) for i in range(graph.OperatorsLength()))
    return [names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())] for code in codes]


def test_batch_norm_and_relu_fold_into_the_convolution(models: dict[str, keras.Model]) -> None:
    found = operators(convert.convert(models["cnn"]))
    assert found == [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "CONV_2D",
        "ADD",
        "MAX_POOL_2D",
        "RESHAPE",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]


def test_shapes_are_static_and_types_are_float(models: dict[str, keras.Model]) -> None:
    interpreter = Interpreter(model_content=convert.convert(models["cnn"]))
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (source["shape_signature"].tolist(), source["dtype"]) == ([1, 8, 8, 1], np.float32)
    assert (target["shape_signature"].tolist(), target["dtype"]) == ([1, 10], np.float32)


@pytest.mark.parametrize("recurrent", [layers.LSTM(8), layers.Bidirectional(layers.GRU(8))])
def test_recurrent_and_token_models_convert(recurrent: keras.Layer) -> None:
    inputs = keras.Input((12,), dtype="int32")
    x = recurrent(layers.Embedding(50, 8)(inputs))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    tokens = np.random.default_rng(0).integers(0, 50, (5, 12)).astype(np.int32)
    flatbuffer = convert.convert(model)
    assert np.abs(outputs(flatbuffer, tokens) - np.asarray(model(tokens))).max() < 1e-4
    assert Interpreter(model_content=flatbuffer).get_input_details()[0]["dtype"] == np.int32


def test_attention_converts() -> None:
    inputs = keras.Input((12, 8))
    x = layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(inputs, inputs))
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
    x = np.random.default_rng(0).normal(size=(5, 12, 8)).astype(np.float32)
    assert np.abs(outputs(convert.convert(model), x) - np.asarray(model(x))).max() < 1e-4


def test_several_inputs_and_outputs_have_their_names_in_the_signature(tmp_path: Path) -> None:
    left, right = keras.Input((4,), name="left"), keras.Input((3,), name="right")
    total = layers.Dense(2, name="total")(layers.Concatenate()([right, left]))
    model = keras.Model([left, right], [total, layers.Dense(1, name="score")(right)])
    (tmp_path / "model.tflite").write_bytes(convert.convert(model))
    loaded = LiteRTModel(tmp_path / "model.tflite")
    generator = np.random.default_rng(0)
    x = {name: generator.random((5, n), np.float32) for name, n in (("left", 4), ("right", 3))}
    expected = answer(model, x)
    assert {tensor.name: tensor.shape for tensor in loaded.inputs} == {"left": (4,), "right": (3,)}
    assert list(expected) == [tensor.name for tensor in loaded.outputs] == ["total", "score"]
    for name, values in loaded.predict(x).items():
        np.testing.assert_allclose(values, expected[name], atol=1e-5)
    runner = Interpreter(model_path=str(tmp_path / "model.tflite")).get_signature_runner("serving_default")
    one = runner(left=x["left"][:1], right=x["right"][:1])
    np.testing.assert_allclose(one["score"], expected["score"][:1], atol=1e-5)


def test_the_signature_changes_neither_the_graph_nor_the_weights(
    models: dict[str, keras.Model], kept_back: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = convert.convert(models["cnn"])
    monkeypatch.setattr(convert, "signed", lambda content, inputs, outputs: content)
    bare = convert.convert(models["cnn"])
    assert operators(signed) == operators(bare)
    np.testing.assert_array_equal(outputs(signed, kept_back), outputs(bare, kept_back))
    assert Interpreter(model_content=bare).get_signature_list() == {}
    assert len(signed) < len(bare) + 500


def test_weights_are_aligned_as_the_schema_demands(models: dict[str, keras.Model]) -> None:
    content = convert.convert(models["cnn"])
    model = schema.Model.GetRootAs(content, 0)
    for index in range(model.BuffersLength()):
        if model.Buffers(index).DataLength():
            data = model.Buffers(index).DataAsNumpy()
            start = data.__array_interface__["data"][0] - np.frombuffer(content, np.uint8).ctypes.data
            assert start % 16 == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "x\nFlex ops: FlexErfinv, FlexFoo\nDetails",
            "LiteRT has no built-in kernel for FlexErfinv, FlexFoo",
        ),
        ("error: 'tf.Erfinv' op is neither\n'tf.Erfinv' op", "LiteRT has no built-in kernel for Erfinv"),
        ("\n  something broke\nlong story", "LiteRT cannot convert this model: something broke"),
        ("", "LiteRT cannot convert this model: no reason given"),
    ],
)
def test_the_reason_is_one_sentence(text: str, expected: str) -> None:
    assert reason(text) == expected


def test_the_converter_is_silent(models: dict[str, keras.Model], capfd: pytest.CaptureFixture[str]) -> None:
    convert.convert(models["mlp"])
    assert capfd.readouterr() == ("", "")


def test_tensorflow_graph_mode_variables_are_frozen(models: dict[str, keras.Model]) -> None:
    assert not {"VAR_HANDLE", "READ_VARIABLE"} & set(operators(convert.convert(models["cnn"])))
    assert tf.executing_eagerly()
