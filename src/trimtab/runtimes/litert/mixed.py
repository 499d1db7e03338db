"""Operators that stay in floats while the others go to 8 bits: by name, or because they cost too much.

Each operator with a kernel is quantized alone, once, and held to validation examples: what is lost then says
in which order they go back to floats until no more is lost than is allowed.
"""

from __future__ import annotations

from collections.abc import Callable

from trimtab.errors import CompressionError
from trimtab.runtimes.litert.flatbuffer import MOVES, Graph
from trimtab.runtimes.litert.flatbuffer import Operator as Node
from trimtab.runtimes.named import in_floats
from trimtab.runtimes.quantizations import Int8

Costs = Callable[[frozenset[str]], tuple[float, ...]]
"""Returns what a file costs on validation examples whose operators of these names are in floats."""

_WITH_KERNEL = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL"}
)


def named(content: bytes, asked: Int8, field: str) -> frozenset[str]:
    """Returns the names of the operators of a calibrated flatbuffer that stay in floats by their names.

    Raises:
        CompressionError: If a pattern is no layer's.
    """
    return in_floats({name: name for name in _operators(content)}, asked, field)


def fewest(
    content: bytes, costs: Costs, kept: frozenset[str], most: float, field: str
) -> tuple[frozenset[str], dict[str, float]]:
    """Returns the names of as few operators in floats as cost no more than they may.

    Args:
        content: A calibrated flatbuffer.
        costs: What files cost.
        kept: Those that are in floats whatever it costs.
        most: What a file may cost, by the first of its costs.
        field: The model's name, for messages.

    Returns:
        Their names, and what a file costs where one operator alone is in 8 bits; of none, where all may be.

    Raises:
        CompressionError: If one operator in 8 bits costs more.
    """
    if costs(kept)[0] <= most:
        return kept, {}
    operators = _operators(content)
    kernels = [name for name, node in operators.items() if node.kind in _WITH_KERNEL and name not in kept]
    alone = {name: costs(frozenset(operators) - {name}) for name in kernels}
    worst = sorted(kernels, key=lambda name: alone[name], reverse=True)
    low, high = 1, len(worst)
    while low < high:
        middle = (low + high) // 2
        if costs(kept | set(worst[:middle]))[0] <= most:
            high = middle
        else:
            low = middle + 1
    if low == len(worst):
        raise CompressionError("with any layer in 8 bits, more is lost than max_drop allows", field=field)
    return kept | set(worst[:low]), {name: alone[name][0] for name in worst}


def _operators(content: bytes) -> dict[str, Node]:
    graph = Graph.all(content)[0]
    return {
        graph.tensor(node.outputs[0]).Name().decode(): node
        for node in graph.operators
        if node.kind not in MOVES
    }
