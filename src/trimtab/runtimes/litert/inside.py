"""The operators of a ``.tflite`` file: their constants, and what each answers on LiteRT's own kernels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from trimtab.batch import Batch, rows, take
from trimtab.errors import ModelError
from trimtab.runtimes import files
from trimtab.runtimes.base import Operator
from trimtab.runtimes.litert.flatbuffer import MOVES, Graph
from trimtab.runtimes.litert.flatbuffer import Operator as Node
from trimtab.runtimes.litert.model import LiteRTModel

_LOOPS = "the bodies of loops"


def operators(path: Path, batch: Batch) -> list[Operator]:
    """Returns the operators of a file; see ``base.Runtime.operators``."""
    content = files.read(path)
    main, *bodies = Graph.all(content)
    # What flows in loops is of no fixed shape, and cannot be kept.
    answers = {} if bodies else _answers(path, content, main, batch)
    seen: set[int] = set()
    main_operators = [
        Operator(_name(main, node), node.kind, _bytes(main, node, seen), answers.get(node.outputs[0]))
        for node in main.operators
    ]
    inner = sum(_bytes(graph, node, seen) for graph in bodies for node in graph.operators)
    return [*main_operators, Operator(_LOOPS, "WHILE", inner, None)] if inner else main_operators


def weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """Returns the kernels of a file by the operators' outputs; see ``base.Runtime.weights``."""
    return {
        _name(graph, node): numbers
        for graph in Graph.all(files.read(path))
        for node in graph.operators
        if (numbers := _kernel(graph, node)) is not None
    }


def _kernel(graph: Graph, node: Node) -> NDArray[np.float32] | None:
    """Returns the largest constant of an operator in numbers."""
    places = [place for index in node.inputs if index >= 0 and (place := graph.constant(index)) is not None]
    return graph.numbers(max(places, key=graph.size)) if places and node.kind not in MOVES else None


def _name(graph: Graph, node: Node) -> str:
    return str(graph.tensor(node.outputs[0]).Name().decode())


def _bytes(graph: Graph, node: Node, seen: set[int]) -> int:
    """Returns the bytes of the constants that nobody had before."""
    return sum(len(content) for content in _constants(graph, node, seen))


def _constants(graph: Graph, node: Node, seen: set[int]) -> Iterator[NDArray[np.uint8]]:
    for index in node.inputs:
        place = graph.constant(index) if index >= 0 else None
        if place is not None and (buffer := graph.tensor(place).Buffer()) not in seen:
            seen.add(buffer)
            yield graph.content(graph.tensor(place))


def _answers(path: Path, content: bytes, graph: Graph, batch: Batch) -> dict[int, NDArray[np.float32]]:
    """Returns what each operator answers, by the place of its first output, ``(n, *shape)``.

    Scalars are no answers to an example: they are constants on their way.
    """
    model = LiteRTModel(path, interpreter=watched(path, content))
    parts: dict[int, list[NDArray[np.float32]]] = {node.outputs[0]: [] for node in graph.operators}
    for at in range(rows(batch)):
        model.feed(take(batch, at, at + 1))
        model.invoke()
        for place, answers in parts.items():
            if (answer := model.tensor(place)) is not None and answer.ndim:
                answers.append(answer)
    return {place: np.concatenate(answers) for place, answers in parts.items() if answers}


def watched(path: Path, content: bytes) -> Any:
    """Returns an interpreter that keeps every tensor: none is overwritten, and no delegate hides any."""
    try:
        interpreter = Interpreter(
            model_content=content,
            num_threads=1,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"LiteRT's own kernels cannot run it: {error}", path=str(path)) from error
    return interpreter
