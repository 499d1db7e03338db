"""A LiteRT model of one dense layer, made without TensorFlow."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl


def linear_tflite(
    weights: np.ndarray,
    bias: np.ndarray | None = None,
    shape: tuple[int, ...] | None = None,
    *,
    softmax: bool = True,
    tokens: bool = False,
) -> bytes:
    """Returns the content of a ``.tflite`` file; ``weights`` are ``(outputs, inputs)``."""
    graph, model = tfl.SubGraphT(), tfl.ModelT()
    graph.tensors, graph.operators = [], []
    model.version, model.buffers, model.subgraphs, model.operatorCodes = 3, [tfl.BufferT()], [graph], []

    def tensor(shape: tuple[int, ...], kind: int = tfl.TensorType.FLOAT32, data: Any = None) -> int:
        made = tfl.TensorT()
        made.shape, made.type, made.name, made.buffer = list(shape), kind, b"t%d" % len(graph.tensors), 0
        if data is not None:
            content = tfl.BufferT()
            content.data = np.frombuffer(np.asarray(data, "<f4").tobytes(), np.uint8)
            model.buffers.append(content)
            made.buffer = len(model.buffers) - 1
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def operator(name: str, inputs: list[int], output: int, options: Any, options_type: int) -> int:
        code, made = tfl.OperatorCodeT(), tfl.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(tfl.BuiltinOperator, name)
        code.version = 1
        model.operatorCodes.append(code)
        made.opcodeIndex, made.inputs, made.outputs = len(model.operatorCodes) - 1, inputs, [output]
        made.builtinOptions, made.builtinOptionsType = options, options_type
        graph.operators.append(made)
        return output

    outputs, inputs = weights.shape
    shape = (1, *(shape or (inputs,)))
    kinds = tfl.BuiltinOptions
    x = first = tensor(shape, tfl.TensorType.INT32 if tokens else tfl.TensorType.FLOAT32)
    if tokens:
        cast = tfl.CastOptionsT()
        cast.inDataType, cast.outDataType = tfl.TensorType.INT32, tfl.TensorType.FLOAT32
        x = operator("CAST", [first], tensor(shape), cast, kinds.CastOptions)
    constants = [
        tensor(weights.shape, data=weights),
        tensor((outputs,), data=np.zeros(outputs) if bias is None else bias),
    ]
    dense = tfl.FullyConnectedOptionsT()
    y = operator("FULLY_CONNECTED", [x, *constants], tensor((1, outputs)), dense, kinds.FullyConnectedOptions)
    if softmax:
        options = tfl.SoftmaxOptionsT()
        options.beta = 1.0
        y = operator("SOFTMAX", [y], tensor((1, outputs)), options, kinds.SoftmaxOptions)
    graph.inputs, graph.outputs = [first], [y]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
