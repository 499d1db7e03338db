"""ONNX Runtime's own quantizers, and weights of 16 bits."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
from onnx import numpy_helper

from trimtab.batch import Batch
from trimtab.config.base import Section
from trimtab.errors import CompressionError
from trimtab.quiet import quiet
from trimtab.runtimes.named import in_floats
from trimtab.runtimes.onnxruntime.activations import values
from trimtab.runtimes.onnxruntime.masked import masked
from trimtab.runtimes.onnxruntime.normalized import normalized
from trimtab.runtimes.onnxruntime.words import reason
from trimtab.runtimes.quantizations import Int8
from trimtab.runtimes.ranges import Judge, Limits, Rule, best, limits
from trimtab.runtimes.ranges import examples as one_by_one


def quantized(
    source: Path,
    quantizer: str,
    params: Section,
    path: Path,
    calibration: Callable[[int], Batch],
    judge: Judge | None,
    name: str,
) -> Rule | None:
    """Writes a quantized model.

    Args:
        source: An ``.onnx`` file in floats.
        quantizer: The name of the quantization.
        params: Its parameters.
        path: Where the quantized one goes.
        calibration: Returns that many training examples, model-ready.
        judge: As for ``base.Runtime.convert``.
        name: The model's, for messages.

    Returns:
        How the ranges of activations were chosen; None where there are none.

    Raises:
        CompressionError: If ONNX Runtime cannot take the model so, or if nothing was quantized.
    """
    if quantizer == "none":
        shutil.copyfile(source, path)
    elif quantizer == "float16":
        _float16(source, path, name)
    elif quantizer == "dynamic_int8":
        _quantized(_dynamic, _prepared(source, name), path, name)
    else:
        return _int8(_prepared(source, name), cast(Int8, params), path, calibration, judge, name)
    return None


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


def _prepared(source: Path, name: str) -> Path:
    """Returns a file with what the quantizers need to know of a graph."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = source.with_name("prepared.onnx")
    _tried(lambda: quant_pre_process(source, prepared, skip_symbolic_shape=True), name)
    return prepared


def _int8(
    source: Path,
    params: Int8,
    path: Path,
    calibration: Callable[[int], Batch],
    judge: Judge | None,
    name: str,
) -> Rule:
    batch = calibration(params.calibration_examples)
    statistics = cache(lambda: values(source, batch))
    nodes = onnx.load(source, load_external_data=False).graph.node
    asked = in_floats({node.name: f"{node.name};{node.output[0]}" for node in nodes}, params, name)
    kept = asked | masked(source) | normalized(source)

    def make(rule: Rule, directory: Path) -> None:
        ranges = {} if rule == "min_max" else limits(rule, *statistics())
        _quantized(
            partial(_static, batch=batch, ranges=ranges, kept=kept), source, directory / path.name, name
        )

    return best(params.ranges, make, path.parent, judge)


def _dynamic(source: Path, path: Path) -> None:
    from onnxruntime import quantization

    # On x86 there is no kernel for convolutions with signed weights that is worth its name.
    quantization.quantize_dynamic(source, path, per_channel=True, weight_type=quantization.QuantType.QUInt8)


def _static(
    source: Path, path: Path, batch: Batch, ranges: Mapping[str, Limits], kept: Collection[str]
) -> None:
    from onnxruntime import quantization

    # Unsigned weights: processors without VNNI add the products of signed ones, and unsigned activations, in
    # 16 bits, which saturate; the answers are far off then, and others than those of a newer processor.
    overrides = {
        tensor: [{"rmin": np.float32(low), "rmax": np.float32(high)}]
        for tensor, (low, high) in ranges.items()
    }
    quantization.quantize_static(
        source,
        path,
        cast(Any, _Examples(source, batch)),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QUInt8,
        nodes_to_exclude=sorted(kept),
        extra_options={"TensorQuantOverrides": overrides},
    )


def _quantized(quantize: Callable[[Path, Path], None], source: Path, path: Path, name: str) -> None:
    """Writes a file that has integers.

    Raises:
        CompressionError: If the quantizer fails, or if nothing was quantized.
    """
    _tried(lambda: quantize(source, path), name)
    if not any(tensor.data_type in _INTEGERS for tensor in onnx.load(path).graph.initializer if tensor.dims):
        raise CompressionError("no operator was quantized", field=name)


def _tried(work: Callable[[], object], name: str) -> None:
    with quiet():
        try:
            work()
        # The quantizers raise whatever their assumptions break on.
        except Exception as error:
            raise CompressionError(reason(str(error)), field=name) from error


_INTEGERS = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)


class _Examples:
    """Examples one by one, as the calibrator asks for them; an only input's name is the file's."""

    def __init__(self, path: Path, batch: Batch) -> None:
        graph = onnx.load(path, load_external_data=False).graph
        weights = {tensor.name for tensor in graph.initializer}  # which older files name among the inputs
        names = [tensor.name for tensor in graph.input if tensor.name not in weights]
        renamed = dict(zip(names, batch.values(), strict=True)) if len(batch) == 1 else dict(batch)
        self._examples = one_by_one(renamed)

    def get_next(self) -> Batch | None:
        """Returns an example, or None at the end."""
        return next(self._examples, None)
