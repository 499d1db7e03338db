"""Keras 3 models as OpenVINO's intermediate representation: Keras' own export, then NNCF."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from trimtab.batch import Batch
from trimtab.config.base import Section
from trimtab.errors import CompressionError
from trimtab.models.tensors import input_names, output_names
from trimtab.runtimes.keras_export import export
from trimtab.runtimes.openvino.nncf import quantized
from trimtab.runtimes.openvino.params import NncfInt8
from trimtab.runtimes.openvino.silent import ov
from trimtab.runtimes.openvino.words import reason
from trimtab.runtimes.ranges import Judge, Rule, best

if TYPE_CHECKING:
    import keras


def convert(
    model: keras.Model,
    quantizer: str,
    params: Section,
    path: Path,
    calibration: Callable[[int], Batch],
    judge: Judge | None,
) -> Rule | None:
    """Writes a model's files; see ``base.Runtime.convert``."""
    with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
        exported = Path(temporary) / "model.xml"
        export(model, exported, "openvino", reason)
        graph = _answering(ov.Core().read_model(exported))
        # The names that Keras' export gives outputs are those of TensorFlow's operations.
        for port, name in zip(graph.inputs, input_names(model), strict=True):
            port.tensor.set_names({name})
        for port, name in zip(graph.outputs, output_names(model), strict=True):
            port.tensor.set_names({name})
        return save(graph, quantizer, params, path, calibration, judge, model.name)


def _answering(graph: Any) -> Any:
    """Returns a graph with the model's outputs alone.

    The export of an attention leaves the shape that it reads as one more, of integers; the model's are
    TensorFlow's ``Identity``, ``Identity_1``, ….
    """
    asked = [port for port in graph.outputs if any(name.startswith("Identity") for name in port.get_names())]
    return ov.Model(asked, graph.get_parameters()) if len(asked) < len(graph.outputs) else graph


def save(
    graph: Any,
    quantizer: str,
    params: Section,
    path: Path,
    calibration: Callable[[int], Batch],
    judge: Judge | None,
    name: str,
) -> Rule | None:
    """Writes a graph's files.

    Args:
        graph: An ``openvino.Model``.
        quantizer: The name of the quantization.
        params: Its parameters.
        path: The ``.xml`` file.
        calibration: Returns that many training examples, model-ready.
        judge: As for ``base.Runtime.convert``.
        name: The model's, for messages.

    Returns:
        How the ranges of activations were chosen; None where there are none.

    Raises:
        CompressionError: If nothing was quantized.
    """
    if quantizer == "int8":
        asked = cast(NncfInt8, params)

        def make(rule: Rule, directory: Path) -> None:
            # NNCF changes the graph that it is given.
            int8_graph = quantized(graph.clone(), asked, rule, calibration, name)
            ov.save_model(int8_graph, directory / path.name, compress_to_fp16=False)

        return best(asked.ranges, make, path.parent, judge)
    ov.save_model(graph, path, compress_to_fp16=quantizer == "float16")
    if quantizer == "float16" and not _float16_constants(path):
        raise CompressionError("the model has no weights that 16-bit floats could hold", field=name)
    return None


def _float16_constants(path: Path) -> int:
    operators = ov.Core().read_model(path).get_ops()
    constants = (op for op in operators if op.get_type_name() == "Constant")
    return sum(op.get_element_type() == ov.Type.f16 for op in constants)
