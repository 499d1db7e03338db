"""Normalizations by the mean and the variance of what passes, which stay in floats.

The mean of what was normalized just before is zero, but for rounding: 8 bits over so small a range are of no
use, and ONNX Runtime has no kernel that computes them (``QLinearGlobalAveragePool parameter out of
computation range``). A variance in 256 steps is the scale of everything behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx

_MEANS = ("GlobalAveragePool", "ReduceMean")


def normalized(source: Path) -> set[str]:
    """Returns the names of the operators of normalizations, from the mean on, of an ``.onnx`` file."""
    graph = onnx.load(source, load_external_data=False).graph
    readers = Counter(name for node in graph.node for name in node.input)
    answers = {tensor.name for tensor in graph.output}
    found: set[str] = set()
    for place, node in enumerate(graph.node):
        if node.op_type in _MEANS and node.name not in found and _is_taken_off(node, graph.node):
            inside = _to_where_all_meets(node, graph.node[place + 1 :], readers, answers)
            found |= {each.name for each in (node, *inside) if each.name}
    return found


def _is_taken_off(mean: Any, nodes: Sequence[Any]) -> bool:
    """Returns whether a mean is subtracted from what it is the mean of."""
    wanted = [mean.input[0], mean.output[0]]
    return any(node.op_type == "Sub" and list(node.input) == wanted for node in nodes)


def _to_where_all_meets(
    start: Any, later: Sequence[Any], readers: Counter[str], answers: set[str]
) -> list[Any]:
    """Returns the operators behind a start, to the first one that all that comes of it goes through.

    Args:
        start: An operator.
        later: Those after it, in an order in which they can be computed.
        readers: How often each tensor is read.
        answers: The names of the model's outputs, which nothing in between may be.
    """
    open_ends = Counter({start.output[0]: readers[start.output[0]]})
    found = []
    for node in later:
        read = [name for name in node.input if name in open_ends]
        if not read:
            continue
        found.append(node)
        for name in read:
            open_ends[name] -= 1
        open_ends += Counter()  # those that all have read go
        open_ends.update({name: readers[name] for name in node.output})
        if len(open_ends) <= 1:
            return found
        if answers.intersection(node.output):
            return []
    return []
