"""The graphs in a LiteRT file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

MOVES = frozenset({"QUANTIZE", "DEQUANTIZE", "EXPAND_DIMS", "RESHAPE", "SQUEEZE", "TRANSPOSE"})
"""Operators that only convert or move data."""
_FLOATS = {schema.TensorType.FLOAT32: np.float32, schema.TensorType.FLOAT16: np.float16}
_CODES = (schema.TensorType.INT8, schema.TensorType.INT4)
_KINDS = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}


@dataclass(frozen=True)
class Operator:
    """An operator of a graph.

    Attributes:
        kind: Its name in the schema, such as ``CONV_2D``.
        inputs: Places of its tensors; -1 where an optional one is left out.
        outputs: The same.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Graph:
    """One of the graphs of a file: the main one, or the body of a loop."""

    def __init__(self, model: Any, graph: Any) -> None:
        self._model, self._graph = model, graph
        self.operators = list(self._operators())
        self._producers = {index: operator for operator in self.operators for index in operator.outputs}

    @classmethod
    def all(cls, flatbuffer: bytes) -> list[Self]:
        """Returns all graphs of a ``.tflite`` file."""
        model = schema.Model.GetRootAs(flatbuffer, 0)
        return [cls(model, model.Subgraphs(index)) for index in range(model.SubgraphsLength())]

    def _operators(self) -> Iterator[Operator]:
        for operator in (self._graph.Operators(index) for index in range(self._graph.OperatorsLength())):
            code = self._model.OperatorCodes(operator.OpcodeIndex())
            # Codes below 127 live in the old one-byte field, the rest in the new one.
            kind = _KINDS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            sources, targets = operator.InputsAsNumpy(), operator.OutputsAsNumpy()
            yield Operator(kind, *(tuple(map(int, np.atleast_1d(places))) for places in (sources, targets)))

    def tensors(self) -> Iterator[Any]:
        """Yields the tensors, as the schema describes them."""
        return (self._graph.Tensors(index) for index in range(self._graph.TensorsLength()))

    def tensor(self, index: int) -> Any:
        """Returns a tensor."""
        return self._graph.Tensors(index)

    def size(self, index: int) -> int:
        """Returns how many values a tensor has."""
        return math.prod(int(size) for size in self.tensor(index).ShapeAsNumpy())

    def constant(self, index: int) -> int | None:
        """Returns the place of the constant that a tensor is, or is converted from; None where it is none."""
        producer = self._producers.get(index)
        if producer is not None:
            return self.constant(producer.inputs[0]) if producer.kind == "DEQUANTIZE" else None
        return index if self._model.Buffers(self.tensor(index).Buffer()).DataLength() else None

    def content(self, tensor: Any) -> NDArray[np.uint8]:
        """Returns the bytes of a constant."""
        return np.asarray(self._model.Buffers(tensor.Buffer()).DataAsNumpy(), np.uint8)

    def numbers(self, index: int) -> NDArray[np.float32] | None:
        """Returns what the values of a constant stand for, flat; None where they are no kernel's types."""
        tensor = self.tensor(index)
        kind = _FLOATS.get(tensor.Type())
        if kind is not None:
            return self.content(tensor).view(kind).astype(np.float32)
        quantization = tensor.Quantization()
        if tensor.Type() not in _CODES or quantization is None or not quantization.ScaleLength():
            return None
        shape, scales = tensor.ShapeAsNumpy(), np.asarray(quantization.ScaleAsNumpy(), np.float32)
        zeros = np.asarray(quantization.ZeroPointAsNumpy(), np.float32)
        along = [1] * len(shape)
        if along:  # a scalar has no dimension, and one scale
            along[quantization.QuantizedDimension()] = len(scales)
        codes = integers(self.content(tensor), tensor).reshape(shape).astype(np.float32)
        return np.asarray((codes - zeros.reshape(along)) * scales.reshape(along)).ravel()


def integers(content: NDArray[np.uint8], tensor: Any) -> NDArray[np.int8]:
    """Returns the values of a constant of 8 or 4 bits, flat; of these, a byte has two, the first one low."""
    if tensor.Type() == schema.TensorType.INT8:
        return content.view(np.int8)
    pairs = np.stack([content << 4, content], axis=-1).view(np.int8) >> 4
    return pairs.ravel()[: math.prod(int(size) for size in tensor.ShapeAsNumpy())]


def int4_constants(flatbuffer: bytes) -> int:
    """Returns how many tensors hold 4-bit integers.

    Args:
        flatbuffer: The content of a ``.tflite`` file.
    """
    return _count(flatbuffer, schema.TensorType.INT4)


def int8_operators(flatbuffer: bytes) -> int:
    """Returns how many operators, those aside that only convert or move data, read 8-bit integers.

    Args:
        flatbuffer: The content of a ``.tflite`` file.
    """
    return sum(
        any(graph.tensor(index).Type() == schema.TensorType.INT8 for index in operator.inputs if index >= 0)
        for graph in Graph.all(flatbuffer)
        for operator in graph.operators
        if operator.kind not in MOVES
    )


def float16_constants(flatbuffer: bytes) -> int:
    """Returns how many tensors hold 16-bit floats.

    Args:
        flatbuffer: The content of a ``.tflite`` file.
    """
    return _count(flatbuffer, schema.TensorType.FLOAT16)


def _count(flatbuffer: bytes, kind: int) -> int:
    tensors = (tensor for graph in Graph.all(flatbuffer) for tensor in graph.tensors())
    return sum(tensor.Type() == kind for tensor in tensors)
