"""What is inside a ``.tflite`` file, and what XNNPACK makes of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from trimtab.runtimes import files
from trimtab.runtimes.base import Traits
from trimtab.runtimes.kernels import Kernel, counted
from trimtab.runtimes.litert.flatbuffer import MOVES, Graph, Operator, integers

_WITH_KERNEL = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL")
_NUMPY: dict[int, np.dtype[Any]] = {
    schema.TensorType.FLOAT32: np.dtype("<f4"),
    schema.TensorType.FLOAT16: np.dtype("<f2"),
    schema.TensorType.INT8: np.dtype("i1"),
}
_ARITHMETIC = ("int4", "int8", "int16", "float32", "float16")
_TYPES: dict[int, str] = {
    value: name.lower() for name, value in vars(schema.TensorType).items() if isinstance(value, int)
}


def traits(path: Path) -> Traits:
    """Returns what is inside a file.

    Raises:
        ModelError: If it cannot be read.
    """
    content = files.read(path)
    graphs = Graph.all(content)
    operators = [(graph, operator) for graph in graphs for operator in graph.operators]
    return counted(
        [kernel for graph, operator in operators for kernel in _kernel(graph, operator)],
        _executed(content),
        Counter(operator.kind for _, operator in operators),
        Counter(_arithmetic(*pair) for pair in operators if pair[1].kind not in MOVES),
    )


def _arithmetic(graph: Graph, operator: Operator) -> str:
    """Returns what an operator computes in: integers on the fly, where only its constants are integers."""
    types = [_TYPES[graph.tensor(index).Type()] for index in operator.inputs if index >= 0]
    if types[:1] == ["float32"] and {"int8", "int4"} & set(types):
        return "dynamic_int8"  # weights of 4 bits are brought to 8
    return next((kind for kind in types if kind in _ARITHMETIC), types[0])


def _kernel(graph: Graph, operator: Operator) -> Iterator[Kernel]:
    if operator.kind not in _WITH_KERNEL:
        return
    index = graph.constant(operator.inputs[1])
    if index is None:
        return
    tensor = graph.tensor(index)
    values = _values(graph, tensor)
    yield Kernel(values, _zero(tensor, values), _macs(graph, operator, values.shape))


def _macs(graph: Graph, operator: Operator, kernel: tuple[int, ...]) -> int:
    """Returns multiply-accumulates: for each output, as many as the kernel has values for it."""
    if operator.kind == "TRANSPOSE_CONV":  # for each input: it is the third
        return graph.size(operator.inputs[2]) * math.prod(kernel[:-1])
    outputs = graph.size(operator.outputs[0])
    if operator.kind == "DEPTHWISE_CONV_2D":
        return outputs * math.prod(kernel[:-1])
    return outputs * (math.prod(kernel[1:]) if operator.kind == "CONV_2D" else kernel[-1])


def _values(graph: Graph, tensor: Any) -> NDArray[Any]:
    content, shape = graph.content(tensor), tuple(tensor.ShapeAsNumpy())
    if tensor.Type() == schema.TensorType.INT4:
        return integers(content, tensor).reshape(shape)
    return np.frombuffer(content, _NUMPY.get(tensor.Type(), np.dtype("u1"))).reshape(shape)


def _zero(tensor: Any, values: NDArray[Any]) -> NDArray[Any] | int:
    quantization = tensor.Quantization()
    if quantization is None or not quantization.ZeroPointLength():
        return 0
    points = quantization.ZeroPointAsNumpy()
    if len(points) == 1:
        return int(points[0])
    axis = quantization.QuantizedDimension()
    return np.reshape(points, [len(points) if place == axis else 1 for place in range(values.ndim)])


def _executed(content: bytes) -> Counter[str]:
    """Returns the operators that run: XNNPACK takes most of them, and then they are one."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    nodes = interpreter._get_ops_details()
    # A delegate comes after the nodes that it takes over, so it is the one that makes their results.
    producer = {int(tensor): node for node in nodes for tensor in node["outputs"]}
    waiting = [int(details["index"]) for details in interpreter.get_output_details()]
    executed: dict[int, str] = {}
    while waiting:
        node = producer.get(waiting.pop())
        if node is not None and node["index"] not in executed:
            executed[node["index"]] = node["op_name"]
            waiting += [int(tensor) for tensor in node["inputs"]]
    return Counter(executed.values())
