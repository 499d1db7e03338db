"""The operators of an ONNX file: their constants, what each answers, and how long each takes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from trimtab.batch import Batch, rows, take
from trimtab.errors import ModelError
from trimtab.runtimes.base import Operator, Times
from trimtab.runtimes.counters import rounds, typical
from trimtab.runtimes.onnxruntime.model import session
from trimtab.runtimes.onnxruntime.words import reason

_HOW = "ONNX Runtime's own profile, in whole microseconds"
_KERNEL = "_kernel_time"


def operators(path: Path, batch: Batch) -> list[Operator]:
    """Returns the operators of a file; see ``base.Runtime.operators``."""
    model = onnx.load(path)
    graph = _Graph(model.graph)
    nodes = [node for node in model.graph.node if graph.depends(node)]
    answers = _answers(model, [node.output[0] for node in nodes], batch, path)
    return [
        Operator(node.output[0], node.op_type, sum(graph.constants(node)), answers.get(node.output[0]))
        for node in nodes
    ]


def times(path: Path, batch: Batch, threads: int) -> Times:
    """Returns how long each operator takes; see ``base.Runtime.times``."""
    with tempfile.TemporaryDirectory(prefix="trimtab-") as directory:
        runner = session(path, threads, profile=Path(directory, "profile"))
        names = [source.name for source in runner.get_inputs()]
        example = dict(zip(names, take(batch, 0, 1).values(), strict=True))
        for _ in rounds():
            runner.run(None, example)
        events = json.loads(Path(runner.end_profiling()).read_text())
    return typical(
        (
            (event["name"].removesuffix(_KERNEL), event["args"]["op_name"], event["dur"] / 1e3)
            for event in events
            if event.get("cat") == "Node" and event["name"].endswith(_KERNEL)
        ),
        _HOW,
    )


class _Graph:
    """Which nodes depend on the input, and what the others hold."""

    def __init__(self, graph: Any) -> None:
        self._sizes = {tensor.name: _bytes(tensor) for tensor in graph.initializer}
        self._producers = {name: node for node in graph.node for name in node.output}
        self._depends = {source.name for source in graph.input if source.name not in self._sizes}
        for node in graph.node:
            if self.depends(node):
                self._depends.update(node.output)
        self._seen: set[str] = set()

    def depends(self, node: Any) -> bool:
        """Returns whether a node's results depend on the input."""
        return any(name in self._depends for name in node.input)

    def constants(self, node: Any) -> Iterator[int]:
        """Yields the bytes of the constants of a node that nobody had before."""
        for name in node.input:
            if name in self._depends or name in self._seen:
                continue
            self._seen.add(name)
            if name in self._sizes:
                yield self._sizes[name]
            elif name in self._producers:
                yield from self.constants(self._producers[name])


def _bytes(tensor: Any) -> int:
    return int(onnx.numpy_helper.to_array(tensor).nbytes)


def _answers(model: Any, names: list[str], batch: Batch, path: Path) -> dict[str, np.ndarray[Any, Any]]:
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    there = {value.name for value in watched.graph.output}
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in there)
    with tempfile.TemporaryDirectory(prefix="trimtab-") as directory:
        file = Path(directory, "watched.onnx")
        onnx.save(watched, file)
        runner = session(file, threads=1, reference=True)
    sources = [source.name for source in runner.get_inputs()]
    try:
        parts = [
            runner.run(names, dict(zip(sources, take(batch, at, at + 1).values(), strict=True)))
            for at in range(rows(batch))
        ]
    # ONNX Runtime's errors have no class in common but this.
    except Exception as error:
        raise ModelError(
            f"ONNX Runtime cannot show what is inside: {reason(str(error))}", path=str(path)
        ) from error
    return {
        name: np.concatenate([part[place] for part in parts])
        for place, name in enumerate(names)
        if all(part[place].dtype == np.float32 and part[place].ndim for part in parts)
    }
