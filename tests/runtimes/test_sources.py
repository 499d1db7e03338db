"""Files that others made: what each runtime takes as it is, and how it is quantized."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trimtab.batch import INPUT, OUTPUT
from trimtab.errors import CompressionError, ModelError
from trimtab.runtimes import sources
from trimtab.runtimes.quantizations import Float16, Float32
from trimtab.runtimes.registry import runtime

SHAPE = (8, 8, 3)


def _onnx(path: Path, *, first: bool, kind: str = "FLOAT", batch: int | str = "batch") -> np.ndarray:
    """Writes a convolution as PyTorch would, and returns its kernel, ``(out, in, 3, 3)``."""
    from onnx import TensorProto, helper, numpy_helper, save

    kernel = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    shape = [batch, 3, 8, 8] if first else [batch, 8, 8, 3]
    nodes = [helper.make_node("Cast", ["x"], ["floats"], to=TensorProto.FLOAT)]
    if not first:
        nodes.append(helper.make_node("Transpose", ["floats"], ["turned"], perm=[0, 3, 1, 2]))
    nodes += [
        helper.make_node("Conv", ["floats" if first else "turned", "kernel"], ["y"]),
        helper.make_node("GlobalAveragePool", ["y"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", getattr(TensorProto, kind), shape)],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, 4])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, path)
    return kernel


def _expected(kernel: np.ndarray, x: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))  # (n, 6, 6, 3, 3, 3)
    logits = np.einsum("nhwcij,ocij->nhwo", windows, kernel).mean(axis=(1, 2))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("batch", ["batch", 1])
@pytest.mark.parametrize("first", [True, False])
def test_an_onnx_file_takes_the_channels_last_one_example_at_a_time(
    tmp_path: Path, name: str, batch: int | str, first: bool
) -> None:
    kernel = _onnx(tmp_path / "net.onnx", first=first, batch=batch)
    x = np.random.default_rng(1).random((5, *SHAPE), np.float32)
    (tmp_path / "own").mkdir()
    runtime(name).adopt(tmp_path / "net.onnx", tmp_path / "own", SHAPE)
    loaded = runtime(name).load(tmp_path / "own")
    assert (loaded.inputs[0].shape, loaded.inputs[0].dtype) == (SHAPE, np.float32)
    np.testing.assert_allclose(loaded.predict({INPUT: x})[OUTPUT], _expected(kernel, x), atol=1e-5)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_file_of_bytes_takes_floats_of_the_same_numbers(tmp_path: Path, name: str) -> None:
    kernel = _onnx(tmp_path / "net.onnx", first=True, kind="UINT8")
    x = np.random.default_rng(1).integers(0, 256, (3, *SHAPE)).astype(np.float32)
    (tmp_path / "own").mkdir()
    runtime(name).adopt(tmp_path / "net.onnx", tmp_path / "own", SHAPE)
    found = runtime(name).load(tmp_path / "own").predict({INPUT: x})[OUTPUT]
    np.testing.assert_allclose(found, _expected(kernel, x), atol=1e-5)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_what_was_adopted_is_quantized(tmp_path: Path, name: str) -> None:
    kernel = _onnx(tmp_path / "net.onnx", first=True)
    x = np.random.default_rng(1).random((16, *SHAPE), np.float32)
    own, serving = tmp_path / "own", runtime(name)
    own.mkdir()
    serving.adopt(tmp_path / "net.onnx", own, SHAPE)
    for quantizer in sorted(serving.requantizes):
        made = tmp_path / quantizer
        made.mkdir()
        params = serving.quantizers[quantizer].params()
        serving.requantize(own / serving.files[0], quantizer, params, made, lambda n: {INPUT: x[:n]})
        found = serving.load(made).predict({INPUT: x})[OUTPUT]
        np.testing.assert_allclose(found, _expected(kernel, x), atol=0.1)


def test_openvino_takes_what_onnx_runtime_adopted(tmp_path: Path) -> None:
    kernel = _onnx(tmp_path / "net.onnx", first=True)
    x = np.random.default_rng(1).random((4, *SHAPE), np.float32)
    runtime("onnxruntime").adopt(tmp_path / "net.onnx", tmp_path, SHAPE)
    (tmp_path / "made").mkdir()
    serving = runtime("openvino")
    serving.requantize(tmp_path / "model.onnx", "float16", Float16(), tmp_path / "made", lambda _: {})
    found = serving.load(tmp_path / "made").predict({INPUT: x})[OUTPUT]
    np.testing.assert_allclose(found, _expected(kernel, x), atol=1e-2)


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_another_shape_is_refused(tmp_path: Path, name: str) -> None:
    _onnx(tmp_path / "net.onnx", first=True)
    with pytest.raises(
        ModelError, match=r"expected the input shape \(batch, 9, 9, 3\), found \(batch, 3, 8, 8"
    ):
        runtime(name).adopt(tmp_path / "net.onnx", tmp_path, (9, 9, 3))


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_what_is_no_model_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "net.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"net\.onnx"):
        runtime(name).adopt(tmp_path / "net.onnx", tmp_path, SHAPE)


def test_eight_bit_tensors_of_a_flatbuffer_are_the_floats_that_they_stand_for(
    real_data: Path, tmp_path: Path
) -> None:
    source = real_data / "mlperf_tiny_resnet8" / "pretrainedResnet_quant.tflite"
    if not source.is_file():
        pytest.skip(f"{source} is missing")
    serving = runtime("litert")
    serving.adopt(source, tmp_path, (32, 32, 3))
    loaded = serving.load(tmp_path)
    (tensor,) = loaded.inputs
    assert (tensor.dtype, tensor.quantization is not None) == (np.float32, True)
    x = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.float32)
    found = loaded.predict({INPUT: x})[OUTPUT]
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=0.02)
    made = tmp_path / "made"
    made.mkdir()
    serving.requantize(tmp_path / "model.tflite", "none", Float32(), made, lambda _: {})
    assert (made / "model.tflite").read_bytes() == source.read_bytes()
    with pytest.raises(CompressionError, match=r"8-bit integers already|float16 of a \.tflite file"):
        serving.requantize(tmp_path / "model.tflite", "float16", Float16(), made, lambda _: {})


def test_of_a_savedmodel_the_graph_and_the_variables_are_read_and_the_whole_tells_it_apart(
    tmp_path: Path,
) -> None:
    (tmp_path / "variables").mkdir()
    for name in ("saved_model.pb", "variables/variables.index", "assets.txt"):
        (tmp_path / name).write_text(name)
    archive = str(tmp_path / "saved_model.pb")
    assert sources.parts(archive) == [f"{tmp_path}/"]
    with sources.fetched(archive) as file:
        found = sorted(path.name for path in file.parent.rglob("*") if path.is_file())
    assert found == ["saved_model.pb", "variables.index"]
    with (
        pytest.raises(ModelError, match=rf"^{tmp_path}/saved_model\.pb: no readable"),
        sources.fetched(archive) as file,
    ):
        raise ModelError("no readable SavedModel", path=str(file))
    (tmp_path / "saved_model.pb").unlink()
    with (
        pytest.raises(ModelError, match=r"no saved_model\.pb, so it is no SavedModel; found assets\.txt"),
        sources.fetched(archive),
    ):
        pass


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a/m.tflite", "litert"),
        ("m.ONNX", "onnxruntime"),
        ("gs://b/m.xml", "openvino"),
        ("m.keras", None),
        ("gs://b/m/saved_model.pb", "litert"),
    ],
)
def test_the_ending_tells_the_runtime(file: str, name: str | None) -> None:
    found = sources.own_runtime(file)
    assert (found.name if found else None) == name
