"""What OpenVINO answers, whatever it is compiled for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from trimtab.models.tensors import answer
from trimtab.runtimes.registry import is_installed, runtime

pytestmark = pytest.mark.skipif(not is_installed("openvino"), reason="openvino is not installed")


@pytest.fixture(scope="module")
def in_8_bits(
    models: dict[str, keras.Model],
    digits: tuple[np.ndarray, np.ndarray],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    serving, directory = runtime("openvino"), tmp_path_factory.mktemp("mlp")
    params = serving.quantizers["int8"].params(calibration_examples=100)
    serving.convert(models["mlp"], "int8", params, directory, lambda n: {"input": digits[0][:n]})
    return directory


@pytest.mark.parametrize("threads", [1, 2])
def test_dense_layers_in_8_bits_agree_with_floats_on_any_number_of_threads(
    models: dict[str, keras.Model], in_8_bits: Path, kept_back: np.ndarray, threads: int
) -> None:
    # Left to itself, OpenVINO fuses them on one thread to code that agrees on 2 % of the rows.
    batch = {"input": kept_back}
    found = runtime("openvino").load(in_8_bits, threads).predict(batch)["output"]
    np.testing.assert_allclose(found, answer(models["mlp"], batch)["output"], atol=0.2)
    assert (found.argmax(axis=1) == answer(models["mlp"], batch)["output"].argmax(axis=1)).mean() > 0.97


@pytest.mark.parametrize(("threads", "batch"), [(2, 1), (2, 8), (4, 1)])
def test_streams_answer_as_one_does(in_8_bits: Path, kept_back: np.ndarray, threads: int, batch: int) -> None:
    serving, rows, one = runtime("openvino"), {"input": kept_back[:96]}, {"input": kept_back[:batch]}
    model, expected = (
        serving.load(in_8_bits, threads, batch, streams=2),
        serving.load(in_8_bits).predict(rows),
    )
    np.testing.assert_allclose(model.predict(rows)["output"], expected["output"], atol=1e-6)
    model.feed(one)
    model.invoke()
    np.testing.assert_allclose(model.predict(one)["output"], expected["output"][:batch], atol=1e-6)


def test_a_stream_is_a_request_of_its_own(
    in_8_bits: Path, kept_back: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimtab.runtimes.openvino import model as module

    asked = set()

    def spy(self: Any) -> None:
        asked.add(id(self))
        invoke(self)

    invoke = module._Stream.invoke
    monkeypatch.setattr(module._Stream, "invoke", spy)
    runtime("openvino").load(in_8_bits, 2, streams=2).predict({"input": kept_back[:8]})
    assert len(asked) == 2


def test_other_kernels_of_8_bits_agree_too(in_8_bits: Path, kept_back: np.ndarray) -> None:
    serving, batch = runtime("openvino"), {"input": kept_back}
    expected = serving.load(in_8_bits).predict(batch)["output"]
    np.testing.assert_allclose(serving.reference(in_8_bits).predict(batch)["output"], expected, atol=0.05)


def test_attention_is_taken_though_its_export_has_outputs_that_nobody_asked_for(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 8))
    attended = layers.MultiHeadAttention(2, 4)(inputs, inputs)
    model = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(attended)))
    serving, batch = runtime("openvino"), {"input": np.random.default_rng(0).random((5, 6, 8), np.float32)}
    serving.convert(model, "none", serving.quantizers["none"].params(), tmp_path, lambda n: {})
    found = serving.load(tmp_path).predict(batch)
    np.testing.assert_allclose(found["output"], answer(model, batch)["output"], atol=1e-5)
