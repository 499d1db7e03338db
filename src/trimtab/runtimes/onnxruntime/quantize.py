"""ONNX Runtime's own quantizers, and weights of 16 bits."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from trimtab.batch import Batch, rows, take
from trimtab.config.base import Section
from trimtab.errors import CompressionError
from trimtab.quiet import quiet
from trimtab.runtimes.onnxruntime.words import reason
from trimtab.runtimes.quantizations import Int8


def quantized(
    source: Path,
    quantizer: str,
    params: Section,
    path: Path,
    calibration: Callable[[int], Batch],
    name: str,
) -> None:
    """Writes a quantized model.

    Args:
        source: An ``.onnx`` file in floats.
        quantizer: The name of the quantization.
        params: Its parameters.
        path: Where the quantized one goes.
        calibration: Returns that many training examples, model-ready.
        name: The model's, for messages.

    Raises:
        CompressionError: If ONNX Runtime cannot take the model so, or if nothing was quantized.
    """
    if quantizer == "none":
        shutil.copyfile(source, path)
    elif quantizer == "float16":
        _float16(source, path, name)
    else:
        _int8(source, path, None if quantizer == "dynamic_int8" else cast(Int8, params), calibration, name)


def _float16(source: Path, path: Path, name: str) -> None:
    """Stores floats in 16 bits; a cast, which the runtime does once as it loads, gives them back their 32."""
    model = onnx.load(source)
    graph, casts = model.graph, []
    for tensor in graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            original = tensor.name
            narrow = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(narrow, f"{original}_float16"))
            casts.append(onnx.helper.make_node("Cast", [tensor.name], [original], to=onnx.TensorProto.FLOAT))
    if not casts:
        raise CompressionError("the model has no weights that 16-bit floats could hold", field=name)
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, path)


def _int8(
    source: Path, path: Path, params: Int8 | None, calibration: Callable[[int], Batch], name: str
) -> None:
    with quiet():
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process

        try:
            prepared = source.with_name("prepared.onnx")
            quant_pre_process(source, prepared, skip_symbolic_shape=True)
            if params is None:
                quantization.quantize_dynamic(
                    # On x86 there is no kernel for convolutions with signed weights that is worth its name.
                    prepared,
                    path,
                    per_channel=True,
                    weight_type=quantization.QuantType.QUInt8,
                )
            else:
                examples = _Examples(prepared, calibration(params.calibration_examples))
                quantization.quantize_static(
                    prepared,
                    path,
                    cast(Any, examples),
                    quant_format=quantization.QuantFormat.QDQ,
                    per_channel=True,
                    activation_type=quantization.QuantType.QUInt8,
                    weight_type=quantization.QuantType.QInt8,
                )
        # The quantizers raise whatever their assumptions break on.
        except Exception as error:
            raise CompressionError(reason(str(error)), field=name) from error
    if not any(tensor.data_type in _INTEGERS for tensor in onnx.load(path).graph.initializer if tensor.dims):
        raise CompressionError("no operator was quantized", field=name)


_INTEGERS = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)


class _Examples:
    """Examples one by one, as the calibrator asks for them; an only input's name is the file's."""

    def __init__(self, path: Path, batch: Batch) -> None:
        names = [tensor.name for tensor in onnx.load(path, load_external_data=False).graph.input]
        renamed = dict(zip(names, batch.values(), strict=True)) if len(batch) == 1 else dict(batch)
        self._examples: Iterator[dict[str, NDArray[Any]]] = (
            take(renamed, place, place + 1) for place in range(rows(renamed))
        )

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """Returns an example, or None at the end."""
        return next(self._examples, None)
