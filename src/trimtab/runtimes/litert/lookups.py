"""Embeddings of a ``.tflite`` file as the operator that reads them in few bits.

The converter gathers rows of a table, and the operator for that keeps 8 bits with one scale for all. LiteRT's
``EMBEDDING_LOOKUP`` reads a flat list of rows in 4 bits, too, with a scale for each block of a row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from trimtab.runtimes.litert.signature import packed

_OPERATORS = schema.BuiltinOperator
_FLOATS, _INTEGERS = schema.TensorType.FLOAT32, schema.TensorType.INT32


@dataclass(frozen=True)
class Lookup:
    """A table that rows are read from.

    Attributes:
        output: The name of what the operator gives.
        width: Of a row.
    """

    output: str
    width: int


def with_lookups(content: bytes) -> tuple[bytes, list[Lookup]]:
    """Returns a file that computes the same with lookups, and these.

    Args:
        content: Of a ``.tflite`` file in floats.
    """
    rewriting = _Rewriting(schema.ModelT.InitFromPackedBuf(content, 0))
    rewriting.rewrite()
    return (packed(rewriting.model, len(content)) if rewriting.lookups else content), rewriting.lookups


class _Rewriting:
    """A file, as it is rewritten."""

    def __init__(self, model: Any) -> None:
        self.model, self.graph = model, model.subgraphs[0]
        self.lookups: list[Lookup] = []

    def rewrite(self) -> None:
        self.graph.operators = [each for operator in self.graph.operators for each in self._made(operator)]

    def _made(self, operator: Any) -> Iterator[Any]:
        if not self._reads_rows(operator):
            yield operator
            return
        table, rows = map(int, operator.inputs)
        gathered = int(operator.outputs[0])
        shape = tuple(map(int, self.graph.tensors[gathered].shape))
        count, width = math.prod(shape[:-1]), shape[-1]
        name = f"{self.graph.tensors[gathered].name.decode()}/lookup"
        flat = self._tensor((count,), _INTEGERS, f"{name}/rows")
        found = self._tensor((count, width), _FLOATS, name)
        self.lookups.append(Lookup(name, width))
        yield self._operator(_OPERATORS.RESHAPE, [rows, self._shape((count,))], flat)
        yield self._operator(_OPERATORS.EMBEDDING_LOOKUP, [flat, table], found)
        yield self._operator(_OPERATORS.RESHAPE, [found, self._shape(shape)], gathered)

    def _reads_rows(self, operator: Any) -> bool:
        """Returns whether an operator reads rows of a constant table of floats."""
        code = self.model.operatorCodes[operator.opcodeIndex]
        if max(code.builtinCode, code.deprecatedBuiltinCode) != _OPERATORS.GATHER:
            return False
        table, rows = (self.graph.tensors[int(place)] for place in operator.inputs)
        options, data = operator.builtinOptions, self.model.buffers[table.buffer].data
        is_table = data is not None and len(data) > 0 and table.type == _FLOATS and len(table.shape) == 2
        return is_table and rows.type == _INTEGERS and not (options.axis or options.batchDims)

    def _operator(self, kind: int, inputs: list[int], output: int) -> Any:
        return schema.OperatorT(opcodeIndex=self._code(kind), inputs=inputs, outputs=[output])

    def _code(self, kind: int) -> int:
        """Returns the place of a kind of operator among those of the file."""
        codes = self.model.operatorCodes
        known = [place for place, code in enumerate(codes) if int(code.builtinCode) == kind]
        if not known:
            codes.append(schema.OperatorCodeT(deprecatedBuiltinCode=kind, builtinCode=kind, version=1))
            known = [len(codes) - 1]
        return known[0]

    def _shape(self, shape: tuple[int, ...]) -> int:
        """Returns the place of a new constant."""
        values = np.array(shape, np.int32)
        self.model.buffers.append(schema.BufferT(data=np.frombuffer(values.tobytes(), np.uint8)))
        place = self._tensor(values.shape, _INTEGERS, f"shape/{len(self.graph.tensors)}")
        self.graph.tensors[place].buffer = len(self.model.buffers) - 1
        return place

    def _tensor(self, shape: tuple[int, ...], kind: int, name: str) -> int:
        """Returns the place of a new tensor."""
        self.graph.tensors.append(schema.TensorT(shape=list(shape), type=kind, name=name.encode()))
        return len(self.graph.tensors) - 1
