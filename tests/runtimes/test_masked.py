"""8 bits hold the scores of an attention that has a mask, however large the mask's number is."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from trimtab.batch import Batch
from trimtab.models.tensors import answer
from trimtab.runtimes.ranges import RULES
from trimtab.runtimes.registry import runtime

LENGTH, WIDTH = 12, 16


def summed(x: Any, mask: Any, number: float = -1e9) -> Any:
    bias = (1.0 - ops.cast(mask, "float32"))[:, None, :] * number
    scores = ops.matmul(x, ops.transpose(x, (0, 2, 1)))
    return ops.matmul(ops.softmax(scores + bias), x)


def subtracted(x: Any, mask: Any) -> Any:
    bias = (1.0 - ops.cast(mask, "float32"))[:, None, :] * 3e4
    return ops.matmul(ops.softmax(ops.matmul(x, ops.transpose(x, (0, 2, 1))) - bias), x)


def chosen(x: Any, mask: Any) -> Any:
    scores = layers.Dot(axes=-1)([x, x])
    return ops.matmul(layers.Softmax()(scores, mask=ops.cast(mask, "bool")[:, None, :]), x)


def heads(x: Any, mask: Any) -> Any:
    layer = layers.MultiHeadAttention(2, 8, kernel_initializer="orthogonal")
    return layer(3.0 * x, x, attention_mask=ops.cast(mask, "bool")[:, None, :])


def causal(x: Any, mask: Any) -> Any:
    layer = layers.GroupQueryAttention(8, 4, 2, kernel_initializer="orthogonal")
    return layer(3.0 * x, x, attention_mask=ops.cast(mask, "bool")[:, None, :], use_causal_mask=True)


def model_of(attention: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    x = keras.Input((LENGTH, WIDTH), name="x")
    mask = keras.Input((LENGTH,), dtype="int32", name="mask")
    return keras.Model([x, mask], attention(x, mask))


def examples(count: int, seed: int) -> Batch:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(count, LENGTH, WIDTH)).astype(np.float32)
    lengths = generator.integers(3, LENGTH + 1, count)
    return {"x": x, "mask": (np.arange(LENGTH) < lengths[:, None]).astype(np.int32)}


def error(model: keras.Model, directory: Path, rule: str, name: str = "litert") -> float:
    """Returns the share of the answers' variance, where nothing is masked, that 8 bits get wrong."""
    serving = runtime(name)
    params = serving.quantizers["int8"].params(ranges=rule)
    serving.convert(model, "int8", params, directory, lambda n: examples(n, 1))
    batch = examples(200, 2)
    seen = batch["mask"].astype(bool)
    expected, found = answer(model, batch)["output"], serving.load(directory).predict(batch)["output"]
    return float(np.var((found - expected)[seen]) / np.var(expected[seen]))


@pytest.mark.parametrize("attention", [summed, subtracted, chosen, heads, causal])
def test_an_attention_with_a_mask_is_as_near_as_one_without(attention: Any, tmp_path: Path) -> None:
    assert error(model_of(attention), tmp_path, "min_max") < 0.02


@pytest.mark.parametrize("attention", [heads, causal])
def test_onnx_runtime_keeps_masks_in_floats(attention: Any, tmp_path: Path) -> None:
    assert error(model_of(attention), tmp_path, "min_max", "onnxruntime") < 0.05


@pytest.mark.parametrize("rule", RULES[1:])
def test_no_rule_for_ranges_cuts_the_mask(rule: str, tmp_path: Path) -> None:
    assert error(model_of(summed), tmp_path, rule) < 0.05


def test_a_mask_of_16_bits_is_one_too_and_a_small_one_stays(tmp_path: Path) -> None:
    assert error(model_of(lambda x, mask: summed(x, mask, -3e4)), tmp_path, "min_max") < 0.02
    assert error(model_of(lambda x, mask: summed(x, mask, -40.0)), tmp_path, "min_max") < 0.1
