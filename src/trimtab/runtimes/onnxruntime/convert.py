"""Keras 3 models as ONNX files: Keras' own export, then ONNX Runtime's quantizers."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import onnx
import tensorflow as tf
from numpy.typing import NDArray
from onnx import numpy_helper
from tf2onnx import tf_loader

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
        with _functions_inlined(), _captured() as constants:
            export(model, exported, "onnx", reason)
        _mend(exported, input_names(model), output_names(model), constants)
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


@contextlib.contextmanager
def _captured() -> Iterator[dict[str, NDArray[Any]]]:
    """Yields the constants that the exported function will have captured, by their names in the file.

    TensorFlow hands a function what stands outside of it, as the mean and the deviation of a Normalization;
    the exporter takes each for an input.
    """
    constants: dict[str, NDArray[Any]] = {}
    freeze = tf_loader.from_function

    def from_function(function: Any, *given: Any, **named: Any) -> Any:
        for value, place in function.graph.captures:
            if value.dtype != tf.resource:
                constants[place.name] = value.numpy()
        return freeze(function, *given, **named)

    with mock.patch.object(tf_loader, "from_function", from_function):
        yield constants


def _mend(path: Path, inputs: list[str], names: list[str], constants: Mapping[str, NDArray[Any]]) -> None:
    """Gives outputs their names, constants their values and operators those of ONNX, as the export did not.

    Args:
        path: The exported file.
        inputs: The names of the model's inputs; all others are of constants.
        names: Those that its outputs get.
        constants: By their names, also those that are no more computed with.
    """
    model = onnx.load(path)
    in_onnx(model)
    given = list(model.graph.input)
    del model.graph.input[:]
    for tensor in given:
        if tensor.name in constants and tensor.name not in inputs:
            model.graph.initializer.append(numpy_helper.from_array(constants[tensor.name], tensor.name))
        else:
            model.graph.input.append(tensor)
    renamed = {output.name: name for output, name in zip(model.graph.output, names, strict=True)}
    for output in model.graph.output:
        output.name = renamed[output.name]
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    onnx.save(model, path)
