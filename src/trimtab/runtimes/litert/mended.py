"""What the converter leaves broken where a part of a quantized model stays in floats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from trimtab.runtimes.litert.signature import packed

_DENSE, _BACK = schema.BuiltinOperator.FULLY_CONNECTED, schema.BuiltinOperator.DEQUANTIZE
_INTEGERS, _FLOATS = schema.TensorType.INT8, schema.TensorType.FLOAT32


def in_floats(content: bytes) -> bytes:
    """Returns a file in which every dense layer with weights of floats reads floats.

    One whose weights are not rounded is given what the layer before it gives in 8 bits, and no runtime
    loads that: the operator that brings it back is missing.

    Args:
        content: Of a ``.tflite`` file.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    count = sum(len(graph.operators) for graph in model.subgraphs)
    for graph in model.subgraphs:
        graph.operators = [each for operator in graph.operators for each in _fed(model, graph, operator)]
    same = count == sum(len(graph.operators) for graph in model.subgraphs)
    return content if same else packed(model, len(content))


def _fed(model: Any, graph: Any, operator: Any) -> Iterator[Any]:
    """Yields an operator, and before it what its input needs."""
    source = graph.tensors[operator.inputs[0]] if len(operator.inputs) > 1 else None
    if source is not None and _kind(model, operator) == _DENSE and source.type == _INTEGERS:
        weights = graph.tensors[operator.inputs[1]]
        if weights.type == _FLOATS:
            floats = _floats_of(graph, source)
            yield _back(model, int(operator.inputs[0]), floats)
            operator.inputs = [floats, *map(int, operator.inputs[1:])]
    yield operator


def _kind(model: Any, operator: Any) -> int:
    code = model.operatorCodes[operator.opcodeIndex]
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))


def _floats_of(graph: Any, source: Any) -> int:
    """Returns the place of a new tensor of floats for what another one stands for."""
    tensor = schema.TensorT(shape=source.shape, type=_FLOATS, name=source.name + b"_in_floats")
    tensor.shapeSignature = source.shapeSignature
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _back(model: Any, source: int, floats: int) -> Any:
    """Returns the operator that makes floats of 8 bits."""
    codes = model.operatorCodes
    known = [place for place, code in enumerate(codes) if int(code.builtinCode) == _BACK]
    if not known:
        codes.append(schema.OperatorCodeT(deprecatedBuiltinCode=_BACK, builtinCode=_BACK, version=2))
        known = [len(codes) - 1]
    return schema.OperatorT(opcodeIndex=known[0], inputs=[source], outputs=[floats])
