"""LiteRT files, run in a line: one input, one output."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from trimtab.batch import INPUT, OUTPUT
from trimtab.runtimes.registry import runtime


def predict(directory: Path, x: np.ndarray, name: str = "litert") -> np.ndarray:
    """Returns the outputs of the model in a directory, ``(n, outputs)``."""
    return runtime(name).load(directory).predict({INPUT: x})[OUTPUT]


def outputs(flatbuffer: bytes, x: np.ndarray) -> np.ndarray:
    """Returns the outputs of the content of a ``.tflite`` file, ``(n, outputs)``."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "model.tflite").write_bytes(flatbuffer)
        return predict(Path(directory), x)


def linear_files(weights: np.ndarray, shape: tuple[int, ...], directory: Path, name: str) -> None:
    """Writes a softmax of one dense layer as a runtime's files, without TensorFlow.

    Args:
        weights: ``(outputs, inputs)``.
        shape: Of an example.
        directory: Where the files go.
        name: The runtime, ``onnxruntime`` or ``openvino``.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Reshape", [INPUT, "flat"], ["x"]),
        helper.make_node("MatMul", ["x", "kernel"], ["y"]),
        helper.make_node("Softmax", ["y"], [OUTPUT]),
    ]
    constants = {"flat": np.array([1, -1], np.int64), "kernel": np.ascontiguousarray(weights.T, np.float32)}
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, *shape])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, len(weights)])],
        [numpy_helper.from_array(values, key) for key, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, directory / "model.onnx")
    if name == "openvino":
        import openvino as ov

        ov.save_model(ov.Core().read_model(directory / "model.onnx"), directory / "model.xml", False)
        (directory / "model.onnx").unlink()
