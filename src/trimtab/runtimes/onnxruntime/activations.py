"""What is inside a graph while it runs: the values of its activations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from trimtab.batch import Batch
from trimtab.runtimes.ranges import Limits, drawn, examples


def values(path: Path, batch: Batch) -> tuple[dict[str, Limits], dict[str, NDArray[np.float32]]]:
    """Returns the smallest and the largest value of each activation, and some of its values.

    Args:
        path: An ``.onnx`` file in floats, with the shapes of all its tensors.
        batch: Model-ready examples; an only input's name is the file's.
    """
    model = onnx.load(path)
    given = [tensor.name for tensor in model.graph.input]
    shown = {tensor.name: tensor for tensor in [*model.graph.value_info, *model.graph.output]}
    activations = [
        each for each in shown.values() if each.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    ]
    del model.graph.output[:]
    model.graph.output.extend(activations)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names, ends = [tensor.name for tensor in activations], dict[str, Limits]()
    named = dict(zip(given, batch.values(), strict=True)) if len(batch) == 1 else dict(batch)

    def outputs() -> Iterator[Mapping[str, NDArray[Any]]]:
        for example in examples(named):
            floats = {name: value for name, value in example.items() if value.dtype == np.float32}
            results = {**dict(zip(names, session.run(names, example), strict=True)), **floats}
            for name, value in results.items():
                low, high = ends.get(name, (np.inf, -np.inf))
                ends[name] = min(low, float(value.min())), max(high, float(value.max()))
            yield results

    drawn_values = drawn(outputs())
    return ends, drawn_values
