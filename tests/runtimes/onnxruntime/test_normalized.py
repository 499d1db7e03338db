"""Layer normalizations stay in floats, whatever passes; what else takes means does not."""

from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
from keras import layers

from trimtab.batch import INPUT, OUTPUT
from trimtab.runtimes.onnxruntime.normalized import normalized
from trimtab.runtimes.registry import runtime

pytest.importorskip("onnxruntime")


def _block(x: keras.KerasTensor) -> keras.KerasTensor:
    # The second one's means are zero, but for rounding.
    normal = layers.LayerNormalization(name="second")(layers.LayerNormalization(name="first")(x))
    return layers.LayerNormalization(name="third")(x + layers.Dense(8)(normal))


@pytest.fixture
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 8))
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D(name="pool")(_block(inputs))))


@pytest.fixture
def examples() -> np.ndarray:
    return np.random.default_rng(0).normal(3, 2, (64, 6, 8)).astype(np.float32)


def test_8_bits_answer_where_what_is_normalized_was_normalized_before(
    model: keras.Model, examples: np.ndarray, tmp_path: Path
) -> None:
    serving = runtime("onnxruntime")
    asked = serving.quantizers["int8"].params(ranges="min_max")
    serving.convert(model, "int8", asked, tmp_path, lambda count: {INPUT: examples[:count]})
    expected = np.asarray(model(examples))
    found = serving.load(tmp_path).predict({INPUT: examples})[OUTPUT]
    assert np.abs(found - expected).mean() < 0.03 * expected.std()


def test_all_of_a_normalization_is_found_and_no_other_mean(model: keras.Model, tmp_path: Path) -> None:
    serving = runtime("onnxruntime")
    serving.convert(model, "none", serving.quantizers["none"].params(), tmp_path, None)
    found = normalized(tmp_path / "model.onnx")
    names = {node.name for node in onnx.load(tmp_path / "model.onnx").graph.node}
    assert found == {
        name for name in names if any(f"/{each}_" in name for each in ("first", "second", "third"))
    }
    assert any("pool" in name for name in names)
