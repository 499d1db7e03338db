"""Keras 3 models as LiteRT files."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from keras import layers

from trimtab.compress import convert
from trimtab.compress import flatbuffer as litert
from trimtab.errors import CompressionError


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
    assert convert.compare(model, flatbuffer, tokens) < convert.FLOAT_TOLERANCE
    assert Interpreter(model_content=flatbuffer).get_input_details()[0]["dtype"] == np.int32


def test_attention_converts() -> None:
    inputs = keras.Input((12, 8))
    x = layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(inputs, inputs))
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))
    x = np.random.default_rng(0).normal(size=(5, 12, 8)).astype(np.float32)
    assert convert.compare(model, convert.convert(model), x) < convert.FLOAT_TOLERANCE


def test_compare_sees_another_model(models: dict[str, keras.Model], kept_back: np.ndarray) -> None:
    flatbuffer = convert.convert(models["mlp"])
    assert convert.compare(models["mlp"], flatbuffer, kept_back[:9]) < 1e-5
    assert convert.compare(models["cnn"], flatbuffer, kept_back[:9]) > 0.01


def test_two_inputs_are_refused() -> None:
    a, b = keras.Input((4,)), keras.Input((4,))
    with pytest.raises(CompressionError, match="one input and one output, found 2 and 1"):
        convert.convert(keras.Model([a, b], layers.Add()([a, b])))


def test_a_float_file_that_disagrees_is_an_error(
    models: dict[str, keras.Model], context: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimtab.compress import no_quantize
    from trimtab.config.recipes import NoQuantize

    other = convert.convert(models["mlp"])
    monkeypatch.setattr(no_quantize, "convert", lambda model: other)
    with pytest.raises(CompressionError, match="outputs differ by"):
        no_quantize.no_quantize(models["cnn"], NoQuantize(), context)


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
    assert convert.reason(text) == expected


def test_the_converter_is_silent(models: dict[str, keras.Model], capfd: pytest.CaptureFixture[str]) -> None:
    convert.convert(models["mlp"])
    assert capfd.readouterr() == ("", "")


def test_quantized_operators_are_counted(models: dict[str, keras.Model], context: object) -> None:
    from trimtab.compress.int8 import int8
    from trimtab.config.recipes import Int8

    assert litert.int8_operators(convert.convert(models["cnn"])) == 0
    # Three convolutions, add, pooling, fully connected and softmax; the reshape only moves data.
    assert litert.int8_operators(int8(models["cnn"], Int8(), context)) == 7


def test_tensorflow_graph_mode_variables_are_frozen(models: dict[str, keras.Model]) -> None:
    assert not {"VAR_HANDLE", "READ_VARIABLE"} & set(operators(convert.convert(models["cnn"])))
    assert tf.executing_eagerly()
