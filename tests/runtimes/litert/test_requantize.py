"""Flatbuffers are quantized as files; what needs the quantizer is skipped without the extra ``tflite``."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.batch import INPUT, OUTPUT, Batch
from trimtab.errors import CompressionError
from trimtab.runtimes.litert import RUNTIME, edge
from trimtab.runtimes.litert.signature import KEY

SHAPE = (8, 8, 3)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a float flatbuffer of a small convnet."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input(SHAPE)
    for _ in range(2):
        x = layers.Conv2D(16, 3, activation="relu")(x)
    outputs = layers.Dense(4, activation="softmax")(layers.Flatten()(x))
    directory = tmp_path_factory.mktemp("source")
    params = RUNTIME.quantizers["none"].params()
    RUNTIME.convert(keras.Model(inputs, outputs), "none", params, directory, calibration)
    return directory / RUNTIME.files[0]


def calibration(count: int) -> Batch:
    return {INPUT: np.random.default_rng(0).random((count, *SHAPE), np.float32)}


def _requantized(source: Path, quantizer: str, directory: Path) -> Batch:
    params = RUNTIME.quantizers[quantizer].params()
    RUNTIME.requantize(source, quantizer, params, directory, calibration)
    return RUNTIME.load(directory).predict(calibration(32))


def test_without_the_extra_it_is_said(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "is_installed", lambda: False)
    assert RUNTIME.requantizes == {"none"}
    with pytest.raises(CompressionError, match="ai-edge-quantizer") as caught:
        _requantized(source, "int8", tmp_path)
    assert "trimtab[tflite]" in str(caught.value.hint)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("quantizer", "arithmetic", "share"),
    [
        ("float16", "float32", 0.6),
        ("dynamic_int8", "dynamic_int8", 0.5),
        ("int8", "int8", 0.5),
        ("int4", "dynamic_int8", 0.4),
    ],
)
def test_a_file_is_quantized_and_answers_nearly_the_same(
    source: Path, tmp_path: Path, quantizer: str, arithmetic: str, share: float
) -> None:
    pytest.importorskip("ai_edge_quantizer")
    assert RUNTIME.requantizes == set(RUNTIME.quantizers) - {"int16x8"}
    expected = RUNTIME.load(source.parent).predict(calibration(32))[OUTPUT]
    found = _requantized(source, quantizer, tmp_path)[OUTPUT]
    np.testing.assert_allclose(found, expected, atol=0.05)
    assert not np.array_equal(found, expected)
    made = tmp_path / RUNTIME.files[0]
    assert made.stat().st_size < share * source.stat().st_size
    # The first kernel has 432 weights, too few for 8 bits on the fly.
    assert RUNTIME.traits(tmp_path).arithmetic[arithmetic] >= 2
    (tensor,) = RUNTIME.load(tmp_path).inputs
    assert tensor.dtype == np.float32
    assert KEY.encode() in made.read_bytes()


def test_it_is_the_same_file_again(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_quantizer")
    contents = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        _requantized(source, "int8", tmp_path / name)
        contents.append((tmp_path / name / RUNTIME.files[0]).read_bytes())
    assert contents[0] == contents[1]


def test_what_is_quantized_already_is_refused(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_quantizer")
    _requantized(source, "dynamic_int8", tmp_path)
    with pytest.raises(CompressionError, match="8-bit integers already"):
        _requantized(tmp_path / RUNTIME.files[0], "int8", tmp_path)
