"""Weights in 4 bits: embeddings by blocks, what is computed in, and what small kernels in 8 bits take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from served import outputs

from trimtab.batch import INPUT
from trimtab.errors import CompressionError
from trimtab.runtimes.litert import RUNTIME, edge
from trimtab.runtimes.litert.convert import convert
from trimtab.runtimes.litert.flatbuffer import Graph
from trimtab.runtimes.litert.lookups import Lookup, with_lookups

WORDS, WIDTH = 600, 64


@pytest.fixture(scope="module")
def text() -> keras.Model:
    """Returns an untrained model of texts whose table is most of it."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((12,), dtype="int32")
    x = layers.Embedding(WORDS, WIDTH, name="words")(x)
    x = layers.Conv1D(24, 3, activation="relu", name="conv")(x)
    x = layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling1D()(x))
    return keras.Model(inputs, x, name="text")


@pytest.fixture
def tokens() -> np.ndarray:
    return np.random.default_rng(0).integers(0, WORDS, (20, 12)).astype(np.int32)


def written(model: keras.Model, quantizer: str, directory: Path, **given: Any) -> bytes:
    params = RUNTIME.quantizers[quantizer].params(**given)
    RUNTIME.convert(model, quantizer, params, directory, lambda n: {})
    return (directory / RUNTIME.files[0]).read_bytes()


def types(content: bytes, kind: str) -> list[int]:
    """Returns the types of what operators of a kind read second: a kernel or a table."""
    (graph,) = Graph.all(content)
    return [graph.tensor(node.inputs[1]).Type() for node in graph.operators if node.kind == kind]


def test_embeddings_are_looked_up_and_answer_the_same(text: keras.Model, tokens: np.ndarray) -> None:
    before = convert(text)
    after, lookups = with_lookups(before)
    assert [lookup.width for lookup in lookups] == [WIDTH]
    kinds = [node.kind for graph in Graph.all(after) for node in graph.operators]
    assert "GATHER" not in kinds
    assert kinds.count("EMBEDDING_LOOKUP") == 1
    np.testing.assert_array_equal(outputs(after, tokens), outputs(before, tokens))
    assert with_lookups(after) == (after, list[Lookup]())


def test_embeddings_have_4_bits_by_blocks_and_kernels_as_asked(
    text: keras.Model, tokens: np.ndarray, tmp_path: Path
) -> None:
    pytest.importorskip("ai_edge_quantizer")
    from ai_edge_litert.schema_py_generated import TensorType

    expected, eight = np.asarray(text(tokens)), len(written(text, "dynamic_int8", tmp_path))
    for given, kernel in (
        ({}, TensorType.INT4),
        ({"weights": "embeddings"}, TensorType.INT8),
        ({"activations": "float"}, TensorType.FLOAT32),
    ):
        content = written(text, "int4", tmp_path, **given)
        assert types(content, "EMBEDDING_LOOKUP") == [TensorType.INT4]
        assert types(content, "CONV_2D") == [kernel]
        assert eight - len(content) > 0.35 * WORDS * WIDTH
        np.testing.assert_allclose(outputs(content, tokens), expected, atol=0.02)
        found = RUNTIME.traits(tmp_path)
        assert found.arithmetic.get("dynamic_int8", 0) == (kernel != TensorType.FLOAT32)
        assert found.parameters == 3 * WIDTH * 24 + 24 * 3
        named = RUNTIME.operators(tmp_path, {INPUT: tokens[:4]})
        assert any(operator.output is not None for operator in named)


def test_without_the_extra_or_with_nothing_to_do_it_is_said(
    text: keras.Model, models: dict[str, keras.Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if edge.is_installed():
        with pytest.raises(CompressionError, match="no embedding that 4 bits could hold"):
            written(models["mlp"], "int4", tmp_path, weights="embeddings")
    monkeypatch.setattr(edge, "is_installed", lambda: False)
    for quantizer, given in (("int4", {}), ("dynamic_int8", {"small_kernels": True})):
        with pytest.raises(CompressionError, match="takes ai-edge-quantizer") as caught:
            written(text, quantizer, tmp_path, **given)
        assert "trimtab[tflite]" in str(caught.value.hint)


def test_small_kernels_have_8_bits_where_it_is_asked(models: dict[str, keras.Model], tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_quantizer")
    usual = len(written(models["mlp"], "dynamic_int8", tmp_path))
    floats = RUNTIME.traits(tmp_path).arithmetic["float32"]
    assert len(written(models["mlp"], "dynamic_int8", tmp_path, small_kernels=True)) < usual
    assert RUNTIME.traits(tmp_path).arithmetic["float32"] < floats
