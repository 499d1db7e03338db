"""Operators that stay in floats while the others go to 8 bits: by name, or because they cost too much.

Each operator with a kernel is quantized alone, once, and held to validation examples: what is lost then says
in which order they go back to floats until no more is lost than is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from trimtab.errors import CompressionError
from trimtab.runtimes.litert.flatbuffer import MOVES, Graph
from trimtab.runtimes.litert.flatbuffer import Operator as Node

Costs = Callable[[frozenset[str]], tuple[float, ...]]
"""Returns what a file costs on validation examples whose operators of these names are in floats."""

_WITH_KERNEL = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL"}
)

_SHOWN = 12


def named(content: bytes, keep_float: str, only: str, field: str) -> frozenset[str]:
    """Returns the names of the operators that patterns keep in floats.

    Args:
        content: A calibrated flatbuffer.
        keep_float: Patterns of the layers that stay in floats, with spaces between them.
        only: Patterns of those that do not; empty: all others.
        field: The model's name, for messages.

    Raises:
        CompressionError: If a pattern is no layer's.
    """
    operators = _operators(content)
    for pattern in [*keep_float.split(), *only.split()]:
        if not any(_is_named(name, [pattern]) for name in operators):
            raise CompressionError(f"{pattern!r} is no layer's name", field=field, hint=_hint(operators))
    return frozenset(
        name
        for name in operators
        if _is_named(name, keep_float.split()) or (only and not _is_named(name, only.split()))
    )


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


def _is_named(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(part, pattern) for part in _layers(name) for pattern in patterns)


def _layers(name: str) -> set[str]:
    """Returns the names in an operator's, as they are and without the numbers that converters add."""
    parts = {part for path in name.split(";") for part in path.split("/")}
    return parts | {re.sub(r"(_\d+)$", "", part) for part in parts}


def _hint(operators: dict[str, Node]) -> str:
    """Returns the layers of operators with kernels: the second names of what these are named after."""
    paths = [
        path.split("/")
        for name, node in operators.items()
        if node.kind in _WITH_KERNEL
        for path in name.split(";")
    ]
    names = list(dict.fromkeys(path[1] if len(path) > 2 else path[0] for path in paths))
    return f"There are {', '.join(names[:_SHOWN])}{' …' if len(names) > _SHOWN else ''}; * is anything."
