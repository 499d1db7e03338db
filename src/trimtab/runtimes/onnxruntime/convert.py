"""Keras 3 models as ONNX files: Keras' own export, then ONNX Runtime's quantizers."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import tensorflow as tf

from trimtab.batch import Batch
from trimtab.config.base import Section
from trimtab.errors import CompressionError, ModelError
from trimtab.models.tensors import input_names, output_names
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
        with _functions_inlined():
            export(model, exported, "onnx", reason)
        _mend(exported, input_names(model), output_names(model))
        # What the exporter does not know it writes all the same, for a runtime with such an operator.
        try:
            session(exported, threads=1)
        except ModelError as error:
            raise CompressionError(error.message.partition("load it: ")[2], field=model.name) from error
        return quantized(exported, quantizer, params, path, calibration, judge, model.name)


@contextlib.contextmanager
def _functions_inlined() -> Iterator[None]:
    """Lets what TensorFlow compiles as a function be traced as what is in it: ONNX's exporter knows no calls.

    Keras has a convolution in groups compiled so.
    """
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def _mend(path: Path, inputs: list[str], names: list[str]) -> None:
    """Gives outputs their names and operators those of ONNX; the export's are TensorFlow's.

    A constant that was computed with and is no more is an input of the export, which nothing reads.
    """
    model = onnx.load(path)
    in_onnx(model)
    taken = [tensor for tensor in model.graph.input if tensor.name in inputs]
    if len(taken) == len(inputs):
        del model.graph.input[:]
        model.graph.input.extend(taken)
    renamed = {output.name: name for output, name in zip(model.graph.output, names, strict=True)}
    for output in model.graph.output:
        output.name = renamed[output.name]
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    onnx.save(model, path)
