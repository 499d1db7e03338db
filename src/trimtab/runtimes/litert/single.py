"""How long each operator of a ``.tflite`` file takes: each is cut out, and run alone.

The wheel has no profiler. A file of one operator goes through the same kernels as in the whole, XNNPACK's
where these take it; what a call costs that does nothing is subtracted. On small convnets the times add up to
that of the whole, to some 10 %.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from trimtab.runtimes import files
from trimtab.runtimes.base import Times
from trimtab.runtimes.litert.flatbuffer import Graph

_IDENTIFIER = b"TFL3"
_LEAST_RUNS, _MOST_RUNS, _SECONDS = 5, 300, 0.05
_MOST_SECONDS = 10.0
_HOW = "each operator cut out and run alone, less what an empty call costs, as LiteRT has no profiler here"


def times(path: Path, threads: int) -> Times:
    """Returns how long each operator takes; see ``base.Runtime.times``.

    An operator that does not run alone, as one that reads a variable, has no time.
    """
    content = files.read(path)
    empty, deadline = _median_ms(_cut(content, None), threads) or 0.0, time.monotonic() + _MOST_SECONDS
    operators = list(_times(content, threads, empty, deadline))
    return Times(tuple(operators), _HOW) if operators else Times((), "no operator of it runs alone")


def _times(
    content: bytes, threads: int, empty_ms: float, deadline: float
) -> Iterator[tuple[str, str, float]]:
    graph = Graph.all(content)[0]
    for place, node in enumerate(graph.operators):
        if time.monotonic() > deadline:
            return
        median = _median_ms(_cut(content, place), threads)
        if median is not None:
            name = graph.tensor(node.outputs[0]).Name().decode()
            yield name, node.kind, max(median - empty_ms, 0.0)


def _cut(content: bytes, place: int | None) -> bytes:
    """Returns a file with one operator of the main graph, and its constants; None: with none."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    graph = model.subgraphs[0]
    graph.operators = [] if place is None else [graph.operators[place]]
    used: set[int] = set()
    if place is None:
        graph.outputs = graph.inputs
    else:
        _narrow(model, graph, graph.operators[0], used)
    for number, buffer in enumerate(model.buffers):
        if number not in used and len(model.subgraphs) == 1:
            buffer.data = None
    model.signatureDefs, model.metadata = None, None
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _narrow(model: Any, graph: Any, operator: Any, used: set[int]) -> None:
    """Makes an operator's tensors the graph's own."""
    inputs = [int(index) for index in operator.inputs if index >= 0]
    constants = [index for index in inputs if _is_constant(model, graph, index)]
    used.update(graph.tensors[index].buffer for index in constants)
    graph.inputs = _unique([index for index in inputs if index not in constants])
    graph.outputs = _unique([int(index) for index in operator.outputs])


def _is_constant(model: Any, graph: Any, index: int) -> bool:
    data = model.buffers[graph.tensors[index].buffer].data
    return data is not None and len(data) > 0


def _unique(places: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(places))


def _median_ms(content: bytes, threads: int) -> float | None:
    try:
        interpreter = Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
        interpreter.invoke()
        return _measured(interpreter)
    except (ValueError, RuntimeError):
        return None


def _measured(interpreter: Interpreter) -> float:
    taken: list[int] = []
    end = time.perf_counter() + _SECONDS
    while len(taken) < _LEAST_RUNS or (len(taken) < _MOST_RUNS and time.perf_counter() < end):
        begin = time.perf_counter_ns()
        interpreter.invoke()
        taken.append(time.perf_counter_ns() - begin)
    return float(np.median(taken)) / 1e6
