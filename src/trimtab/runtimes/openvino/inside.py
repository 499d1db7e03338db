"""The operators of OpenVINO's files: their constants, what each answers, and how long each takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.batch import Batch, rows, take
from trimtab.errors import ModelError
from trimtab.runtimes.base import Operator, Times
from trimtab.runtimes.counters import rounds, typical
from trimtab.runtimes.openvino.model import compiled_model, settings
from trimtab.runtimes.openvino.silent import ov
from trimtab.runtimes.openvino.words import reason

_NO_OPERATORS = {"Parameter", "Result", "Constant"}
_THREADS = 2
"""8-bit graphs whose inner results are outputs, too, are wrong on one thread: see ``model.py``."""

_HOW = "OpenVINO's own counters, in whole microseconds"


def operators(path: Path, batch: Batch) -> list[Operator]:
    """Returns the operators of a file; see ``base.Runtime.operators``."""
    model = ov.Core().read_model(path)
    computed, seen = list(_computed(model)), set[str]()
    answers = _answers(model, computed, batch, path)
    return [
        Operator(
            node.get_friendly_name(),
            node.get_type_name(),
            sum(_constants(node, seen)),
            answers.get(node.get_friendly_name()),
        )
        for node in computed
    ]


def times(path: Path, batch: Batch, threads: int) -> Times:
    """Returns how long each operator takes; see ``base.Runtime.times``."""
    request = compiled_model(path, threads, counted=True).create_infer_request()
    example = dict(enumerate(take(batch, 0, 1).values()))
    return typical((counted for _ in rounds() for counted in _counted(request, example)), _HOW)


def _counted(request: Any, example: dict[int, Any]) -> Iterator[tuple[str, str, float]]:
    """Yields the time of each operator that ran, in milliseconds."""
    request.infer(example)
    for info in request.get_profiling_info():
        if info.status == info.Status.EXECUTED and info.node_type not in _NO_OPERATORS:
            yield info.node_name, info.node_type, info.real_time.total_seconds() * 1e3


def _computed(model: Any) -> Iterator[Any]:
    """Yields the operators whose results depend on the input."""
    depends: set[str] = set()
    for node in model.get_ordered_ops():
        sources = {value.get_source_output().get_node().get_friendly_name() for value in node.inputs()}
        if node.get_type_name() == "Parameter" or sources & depends:
            depends.add(node.get_friendly_name())
            if node.get_type_name() not in _NO_OPERATORS:
                yield node


def _constants(node: Any, seen: set[str]) -> Iterator[int]:
    """Yields the bytes of the constants that a node takes, also those that are converted on the way."""
    for value in node.inputs():
        source = value.get_source_output().get_node()
        if source.get_friendly_name() in seen or source.get_type_name() == "Parameter":
            continue
        if source.get_type_name() == "Constant":
            seen.add(source.get_friendly_name())
            yield int(source.get_byte_size())
        elif _is_constant(source):
            yield from _constants(source, seen)


def _is_constant(node: Any) -> bool:
    if node.get_type_name() == "Constant":
        return True
    sources = [value.get_source_output().get_node() for value in node.inputs()]
    return bool(sources) and all(_is_constant(source) for source in sources)


def _answers(model: Any, computed: list[Any], batch: Batch, path: Path) -> dict[str, np.ndarray[Any, Any]]:
    there = [result.input_value(0).get_node().get_friendly_name() for result in model.get_results()]
    more = [node for node in computed if _is_float(node) and node.get_friendly_name() not in there]
    try:
        model.add_outputs([node.output(0) for node in more])
        compiled = ov.Core().compile_model(model, "CPU", settings(_THREADS))
        parts = [
            compiled(dict(enumerate(take(batch, at, at + 1).values()))).to_tuple()
            for at in range(rows(batch))
        ]
    except (RuntimeError, TypeError, ValueError) as error:
        raise ModelError(
            f"OpenVINO cannot show what is inside: {reason(str(error))}", path=str(path)
        ) from error
    names = [*there, *(node.get_friendly_name() for node in more)]
    return {
        name: np.concatenate([part[place] for part in parts])
        for place, name in enumerate(names)
        if all(part[place].ndim for part in parts)
    }


def _is_float(node: Any) -> bool:
    """Returns whether what a node answers can be looked at; what only rounds goes with what it rounds."""
    return node.get_type_name() != "FakeQuantize" and bool(node.output(0).get_element_type() == ov.Type.f32)
