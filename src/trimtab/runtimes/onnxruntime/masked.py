"""Attention's masks and the softmax behind them, which 8 bits cannot hold: see ``litert.masked``.

ONNX Runtime quantizes operators one by one, so that these can stay in floats; the products before and behind
them, which take the time, are in 8 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

_HUGE = 1e4
"""No score is as large, and no mask as small: that of 16 bits is -3e4."""
_THROUGH = frozenset(
    {
        "Add",
        "Cast",
        "Expand",
        "Identity",
        "Max",
        "Min",
        "Mul",
        "Reshape",
        "Slice",
        "Squeeze",
        "Sub",
        "Transpose",
        "Unsqueeze",
        "Where",
    }
)


def masked(source: Path) -> set[str]:
    """Returns the names of the operators from masks to the softmax that reads them, of an ``.onnx`` file."""
    graph = onnx.load(source).graph
    makers = {output: node for node in graph.node for output in node.output}
    huge = {each.name for each in graph.initializer if _is_huge(each)}
    huge |= {node.output[0] for node in graph.node if node.op_type == "Constant" and _is_huge(_value(node))}
    found: set[str] = set()
    for node in graph.node:
        if node.op_type == "Softmax":
            above = list(_above(node.input[0], makers))
            if any(name in huge for each in above for name in each.input):
                found |= {each.name for each in (node, *above) if each.name}
    return found


def _above(tensor: str, makers: dict[str, Any]) -> Iterator[Any]:
    node = makers.get(tensor)
    if node is not None and node.op_type in _THROUGH:
        yield node
        for name in node.input:
            yield from _above(name, makers)


def _value(node: Any) -> Any:
    return next((each.t for each in node.attribute if each.name == "value"), None)


def _is_huge(tensor: Any) -> bool:
    if tensor is None or tensor.data_type != onnx.TensorProto.FLOAT:
        return False
    values = numpy_helper.to_array(tensor)
    return bool(values.size) and bool((np.abs(values) >= _HUGE).any())
