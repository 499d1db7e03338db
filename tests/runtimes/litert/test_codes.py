"""Fewer codes in quantized kernels: smaller after gzip, and the same graph, zeros and answers."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from served import outputs

from trimtab.batch import INPUT, OUTPUT
from trimtab.compress.base import Context
from trimtab.config.config import Config
from trimtab.models.tensors import answer
from trimtab.runtimes.litert import RUNTIME
from trimtab.runtimes.litert.codes import coarse, inputs_of, kernels, rewritten
from trimtab.runtimes.litert.convert import convert
from trimtab.runtimes.litert.fewest_codes import with_codes
from trimtab.runtimes.litert.flatbuffer import Graph
from trimtab.runtimes.litert.params import LiteRTDynamicInt8, LiteRTInt8
from trimtab.runtimes.litert.patches import patches
from trimtab.runtimes.litert.quantizations import int8, quantized
from trimtab.runtimes.litert.rounding import Inputs, rounded
from trimtab.runtimes.ranges import Judge

Written = Callable[..., bytes]


@pytest.fixture
def written(context: Context, tmp_path: Path) -> Written:
    """Returns a function that returns the content of a file, given a model, a method and its parameters."""

    def write(model: keras.Model, method: str, judge: Judge | None = None, **given: object) -> bytes:
        params = {"int8": LiteRTInt8, "dynamic_int8": LiteRTDynamicInt8}[method].model_validate(given)
        RUNTIME.convert(model, method, params, tmp_path, lambda n: {INPUT: context.calibration(n)}, judge)
        return (tmp_path / "model.tflite").read_bytes()

    return write


@pytest.fixture
def of_both(models: dict[str, keras.Model], context: Context) -> dict[str, bytes]:
    """Returns the CNN in 8 bits, static and dynamic; its kernels are made larger, so that both have some."""
    examples = {INPUT: context.calibration(200)}
    return {
        "int8": int8(models["cnn"], examples)("min_max"),
        "dynamic_int8": quantized(models["mlp"], "dynamic_int8"),
    }


@pytest.mark.parametrize("method", ["int8", "dynamic_int8"])
@pytest.mark.parametrize("most", [3, 31, 255])
def test_a_file_has_no_more_codes_than_were_asked_and_the_same_operators(
    method: str, most: int, models: dict[str, keras.Model], written: Written
) -> None:
    before = (
        written(models["mlp"], method, ranges="min_max")
        if method == "int8"
        else written(models["mlp"], method)
    )
    after = written(models["mlp"], method, codes=most, **({"ranges": "min_max"} if method == "int8" else {}))
    assert len(kernels(after)) == len(kernels(before)) >= 1
    for kernel in kernels(after):
        assert len(np.unique(kernel.codes)) <= most
        assert len(np.unique(kernel.scales)) == 1
    assert [each.operators for each in Graph.all(after)] == [each.operators for each in Graph.all(before)]
    assert len(after) <= len(before) + 64


@pytest.mark.parametrize(("method", "close"), [("int8", 0.02), ("dynamic_int8", 0.01)])
@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_answers_stay_and_gzip_packs_better(
    method: str,
    close: float,
    name: str,
    models: dict[str, keras.Model],
    written: Written,
    kept_back: np.ndarray,
    accuracy: Callable[[np.ndarray], float],
) -> None:
    model = _wide_cnn() if (name, method) == ("cnn", "dynamic_int8") else models[name]
    whole, coarser = written(model, method), written(model, method, codes=63)
    expected, found = outputs(whole, kept_back), outputs(coarser, kept_back)
    assert float(np.abs(expected - found).mean()) < close
    if model is models[name]:
        assert accuracy(found) > accuracy(expected) - 0.02
    assert len(gzip.compress(coarser)) < len(gzip.compress(whole))


def _wide_cnn() -> keras.Model:
    keras.utils.set_random_seed(2)
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2D(16, 3, dilation_rate=2, padding="same", activation="relu", use_bias=False)(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.Flatten()(x)), name="wide")


def test_what_kernels_are_multiplied_with_is_what_the_operators_see() -> None:
    """An operator's answers are the products of these and its kernel, with strides, dilation and all."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((9, 7, 2))
    outs = [
        layers.Conv2D(3, (3, 2), strides=2, padding="same")(inputs),
        layers.Conv2D(3, 3, dilation_rate=2, padding="same")(inputs),
        layers.Conv2D(3, 2, padding="valid")(inputs),
        layers.DepthwiseConv2D(3, strides=2, padding="same")(inputs),
    ]
    for each in outs:
        model = keras.Model(inputs, each)
        content = convert(model)
        x = np.random.default_rng(0).normal(size=(3, 9, 7, 2)).astype(np.float32)
        (operator,) = [one for one in Graph.all(content)[0].operators if "CONV" in one.kind]
        (seen,) = patches(content, [operator.inputs[1]], {INPUT: x}).values()
        kernel, bias = model.layers[-1].get_weights()
        is_depthwise = operator.kind == "DEPTHWISE_CONV_2D"
        products = (
            np.einsum("nhwc,hwc->nc", seen, kernel[..., 0])
            if is_depthwise
            else np.einsum("nhwc,hwco->no", seen, kernel)
        )
        expected = answer(model, {INPUT: x})[OUTPUT].reshape(-1, kernel.shape[2 if is_depthwise else 3])
        np.testing.assert_allclose(np.sort(products + bias, axis=0), np.sort(expected, axis=0), atol=1e-4)


def test_a_file_whose_input_is_of_8_bits_is_fed_the_same_numbers(
    models: dict[str, keras.Model], context: Context
) -> None:
    import tensorflow as tf

    def configure(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([x[at : at + 1]] for at in range(len(x)))
        converter.inference_input_type = converter.inference_output_type = tf.int8

    x = context.calibration(50)
    theirs = convert(models["mlp"], configure)
    mine = int8(models["mlp"], {INPUT: x})("min_max")
    seen, expected = (
        list(patches(each, [kernel.place for kernel in kernels(each)], {INPUT: x}).values())
        for each in (theirs, mine)
    )
    assert len(seen) == len(expected) == 3
    for one, other in zip(seen, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_rounding_keeps_the_outputs_better_than_the_nearest_codes_do() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2_000, 16)) @ generator.normal(size=(16, 64))
    x += generator.normal(size=x.shape) / 10
    weights = generator.normal(size=(8, 64)) * 2
    weights[:, 5] = 0
    codes = rounded(weights, Inputs(x), 7)
    assert codes.dtype == np.int8
    assert np.abs(codes).max() <= 7
    assert not codes[:, 5].any()

    def error(codes: np.ndarray) -> float:
        lacking = (weights - codes) @ x.T
        return float(lacking.var(axis=1).mean())

    assert error(codes) < 0.5 * error(np.clip(np.rint(weights), -7, 7))


def test_an_input_that_is_always_the_same_is_no_trouble() -> None:
    x = np.zeros((10, 4), np.float32)
    np.testing.assert_array_equal(rounded(np.array([[1.2, -0.6, 0.2, 3.0]]), Inputs(x), 3), [[1, -1, 0, 3]])


def test_zeros_of_a_sparse_model_stay(models: dict[str, keras.Model], written: Written) -> None:
    sparse = keras.models.clone_model(models["mlp"])
    sparse.set_weights(models["mlp"].get_weights())
    kernel, bias = sparse.get_layer("dense_1").get_weights()
    kernel[np.abs(kernel) < np.quantile(np.abs(kernel), 0.7)] = 0
    sparse.get_layer("dense_1").set_weights([kernel, bias])
    for codes in (31, None):
        (found,) = [k for k in kernels(written(sparse, "int8", codes=codes)) if k.codes.shape == (32, 64)]
        assert (found.codes == 0).mean() >= 0.7 - 1e-3
        assert not found.codes[kernel.T == 0].any()


def test_the_mean_of_an_operators_answers_stays(of_both: dict[str, bytes], context: Context) -> None:
    """What rounding errs by on every row goes into the bias."""
    content, x = of_both["int8"], {INPUT: context.calibration(200)}
    found = kernels(content)
    seen = patches(content, [each.place for each in found], x)
    assert len(seen) == len(found) == 4
    assert any(each.is_depthwise for each in found)
    for kernel in found:
        made = coarse(kernel, inputs_of(kernel, seen[kernel.place]), 7)
        lacking = kernel.weights - made.codes * made.step
        axes = (0,) if kernel.is_depthwise else tuple(range(1, lacking.ndim))
        values = seen[kernel.place].mean(axis=0) * (lacking[0] if kernel.is_depthwise else lacking)
        total = values.sum(axis=(0, 1) if kernel.is_depthwise else axes)
        np.testing.assert_allclose(total, made.shift, rtol=1e-3, atol=1e-4)


def test_a_bias_of_32_bits_stands_for_the_same_numbers(of_both: dict[str, bytes]) -> None:
    content = of_both["int8"]
    chosen = {each.place: coarse(each, None, 31) for each in kernels(content)}
    before, after = (_biases(each) for each in (content, rewritten(content, chosen)))
    assert before.keys() == after.keys()
    assert before
    for place, (values, _) in before.items():
        found, step = after[place]
        assert (np.abs(found - values) <= 0.501 * step).all()


def _biases(content: bytes) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Returns the numbers of each bias, and what a step of it stands for."""
    graph, found = Graph.all(content)[0], {}
    for kernel in kernels(content):
        assert kernel.bias is not None
        tensor = graph.tensor(kernel.bias)
        step = tensor.Quantization().ScaleAsNumpy()
        found[kernel.bias] = graph.content(tensor).view(np.int32) * step, step
    return found


@pytest.mark.parametrize("method", ["int8", "dynamic_int8"])
def test_auto_takes_as_few_as_the_judge_allows(
    method: str,
    models: dict[str, keras.Model],
    written: Written,
    digits: tuple[np.ndarray, np.ndarray],
) -> None:
    x, y = digits[0][1000:1300], digits[1][1000:1300]
    expected = answer(models["mlp"], {INPUT: x})[OUTPUT]

    def judge(place: Path) -> tuple[float, ...]:
        found = RUNTIME.load(place).predict({INPUT: x})[OUTPUT]
        return float((found.argmax(axis=1) != y).mean()), float(np.square(found - expected).mean())

    def size(content: bytes) -> int:
        return len(gzip.compress(content, 9))

    whole = written(models["mlp"], method, judge)
    strict, loose = (
        written(models["mlp"], method, judge, codes="auto", codes_loss=loss) for loss in (0.0, 0.05)
    )
    assert size(loose) <= size(strict) < size(whole)
    for content, loss in ((strict, 0.0), (loose, 0.05)):
        wrong = (outputs(content, x).argmax(axis=1) != y).mean()
        assert wrong <= (outputs(whole, x).argmax(axis=1) != y).mean() + loss + 1e-9


def test_auto_leaves_a_file_as_it_is_where_nothing_less_is_allowed(
    models: dict[str, keras.Model], written: Written
) -> None:
    whole = written(models["mlp"], "dynamic_int8")
    costs = iter([0.0] + [1.0] * 1000)
    judged = written(
        models["mlp"], "dynamic_int8", lambda _: (next(costs), 0.0), codes="auto", codes_loss=0.5
    )
    assert judged == whole


def test_auto_leaves_a_file_alone_that_has_no_kernels_of_8_bits(models: dict[str, keras.Model]) -> None:
    content = quantized(models["mlp"], "float16")
    asked = LiteRTInt8.model_validate({"codes": "auto"})
    assert with_codes(content, asked, lambda _: {}, "model.tflite", lambda _: (0.0, 0.0)) == content


def test_auto_without_a_judge_is_cautious(models: dict[str, keras.Model], written: Written) -> None:
    for kernel in kernels(written(models["mlp"], "int8", codes="auto")):
        assert 31 < len(np.unique(kernel.codes)) <= 63


@pytest.mark.parametrize(
    ("codes", "message"),
    [(64, "odd number"), (1, "greater than or equal to 3"), (257, "less than"), ("few", "auto")],
)
def test_other_numbers_of_codes_are_refused(codes: object, message: str) -> None:
    values = {"data": {"train": "x.csv"}, "recipes": [{"int8": {"codes": codes}}]}
    with pytest.raises(ValueError, match=message):
        Config.model_validate(values).candidates()
