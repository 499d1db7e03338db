"""What is inside an ONNX file, and what ONNX Runtime makes of it."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from trimtab.runtimes.base import Traits
from trimtab.runtimes.kernels import Kernel, counted
from trimtab.runtimes.onnxruntime.model import session

_MOVES = {
    "Cast", "Concat", "DequantizeLinear", "DynamicQuantizeLinear", "Flatten", "Identity", "QuantizeLinear",
    "ReorderInput", "ReorderOutput", "Reshape", "Split", "Squeeze", "Transpose", "Unsqueeze",
}  # fmt: skip
_CONVERSIONS = ("Cast", "DequantizeLinear", "Reshape", "Transpose")
_WITH_KERNEL = ("Conv", "ConvInteger", "ConvTranspose", "Gemm", "MatMul", "MatMulInteger")


def traits(path: Path) -> Traits:
    """Returns what is inside a file.

    Raises:
        ModelError: If it cannot be loaded.
    """
    with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
        optimized = Path(temporary) / "optimized.onnx"
        session(path, threads=1, optimized=optimized)
        executed = [node.op_type for node in onnx.load(optimized).graph.node]
    graph = _Graph(path)
    return counted(
        [kernel for node in graph.nodes for kernel in graph.kernel(node)],
        Counter(executed),
        Counter(node.op_type for node in graph.nodes),
        Counter(_arithmetic(kind) for kind in executed if kind not in _MOVES),
    )


def _arithmetic(kind: str) -> str:
    """Returns what an operator computes in, which its kind says."""
    if kind.startswith(("QLinear", "QGemm", "QAttention")):
        return "int8"
    return "dynamic_int8" if "Integer" in kind or kind.startswith("DynamicQuantize") else "float32"


class _Graph:
    """The graph of a file, with the shapes of what flows in it."""

    def __init__(self, path: Path) -> None:
        graph = onnx.shape_inference.infer_shapes(onnx.load(path)).graph
        self.nodes: list[Any] = list(graph.node)
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._producers = {name: node for node in graph.node for name in node.output}
        self._shapes = {
            value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
            for value in (*graph.input, *graph.output, *graph.value_info)
        }

    def kernel(self, node: Any) -> Iterator[Kernel]:
        """Yields the constant that a node multiplies with, if it has one."""
        if node.op_type in _WITH_KERNEL and (values := self._constant(node.input[1])) is not None:
            yield Kernel(values, self._zero(node, values), self._macs(node, values.shape))

    def _constant(self, name: str) -> NDArray[Any] | None:
        """Returns the constant that a value is, or is converted from."""
        if name in self._constants:
            return np.asarray(numpy_helper.to_array(self._constants[name]))
        producer = self._producers.get(name)
        if producer is None or producer.op_type not in _CONVERSIONS:
            return None
        return self._constant(producer.input[0])

    def _zero(self, node: Any, values: NDArray[Any]) -> NDArray[Any] | int:
        """Returns what stands for 0: an integer operator's fourth input, or the third of who dequantizes."""
        producer = self._producers.get(node.input[1])
        names = node.input[3:4] if "Integer" in node.op_type else producer.input[2:3] if producer else []
        points = self._constant(names[0]) if names else None
        if points is None or points.ndim == 0:
            return 0 if points is None else int(points)
        of_outputs = {"Conv": 0, "ConvInteger": 0, "ConvTranspose": 1}
        axis = of_outputs.get(node.op_type, values.ndim - 1)
        return points.reshape([-1 if place == axis else 1 for place in range(values.ndim)])

    def _macs(self, node: Any, kernel: tuple[int, ...]) -> int:
        """Returns multiply-accumulates: for each output, as many as the kernel has values for it."""
        if node.op_type == "ConvTranspose":  # for each input
            return self._size(node.input[0]) * math.prod(kernel[1:])
        if node.op_type in ("Conv", "ConvInteger"):
            return self._size(node.output[0]) * math.prod(kernel[1:])
        transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
        return self._size(node.output[0]) * (kernel[-1] if transposed else kernel[-2])

    def _size(self, name: str) -> int:
        return math.prod(int(size) for size in self._shapes.get(name, [0]))
