"""Keras 3 models as ONNX files: Keras' own export, then ONNX Runtime's quantizers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import onnx

from trimtab.batch import Batch
from trimtab.config.base import Section
from trimtab.errors import CompressionError, ModelError
from trimtab.models.tensors import output_names
from trimtab.runtimes.keras_export import export
from trimtab.runtimes.onnxruntime.model import session
from trimtab.runtimes.onnxruntime.operators import in_onnx
from trimtab.runtimes.onnxruntime.quantize import quantized
from trimtab.runtimes.onnxruntime.words import reason
from trimtab.runtimes.ranges import Judge, Rule

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
    """Writes a model's file; see ``base.Runtime.convert``."""
    with tempfile.TemporaryDirectory(prefix="trimtab-") as temporary:
        exported = Path(temporary) / "model.onnx"
        export(model, exported, "onnx", reason)
        _mend(exported, output_names(model))
        # What the exporter does not know it writes all the same, for a runtime with such an operator.
        try:
            session(exported, threads=1)
        except ModelError as error:
            raise CompressionError(error.message.partition("load it: ")[2], field=model.name) from error
        return quantized(exported, quantizer, params, path, calibration, judge, model.name)


def _mend(path: Path, names: list[str]) -> None:
    """Gives outputs their names and operators those of ONNX; the export's are TensorFlow's."""
    model = onnx.load(path)
    in_onnx(model)
    renamed = {output.name: name for output, name in zip(model.graph.output, names, strict=True)}
    for output in model.graph.output:
        output.name = renamed[output.name]
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    onnx.save(model, path)
