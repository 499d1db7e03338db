"""Flatbuffers of others, quantized as they are.

By Google's AI Edge Quantizer: TensorFlow's converter quantizes models, and never a file.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np

from trimtab.batch import INPUT, OUTPUT, Batch
from trimtab.errors import CompressionError
from trimtab.quiet import quiet
from trimtab.runtimes.litert.quantizations import check_dynamic_int8, check_float16, check_int8
from trimtab.runtimes.litert.words import reason
from trimtab.runtimes.ranges import Rule, limits
from trimtab.runtimes.ranges import examples as one_by_one

EXTRA, DISTRIBUTION = "tflite", "ai-edge-quantizer"


def is_installed() -> bool:
    """Returns whether the quantizer is there."""
    try:
        metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return False
    return True


def requantized(content: bytes, quantizer: str, name: str) -> bytes:
    """Returns a float flatbuffer, quantized without examples.

    Args:
        content: The content of a ``.tflite`` file that was adopted: it has one input and one output.
        quantizer: ``float16`` or ``dynamic_int8``.
        name: The file's, for messages.

    Raises:
        CompressionError: If the quantizer is not installed or cannot take the file, if the file is quantized
            already, or if nothing was quantized.
    """
    work = _begun(content, quantizer, name)
    result = _tried(lambda: work.quantize(None, enable_progress_report=False), name)
    check = {"float16": check_float16, "dynamic_int8": check_dynamic_int8}[quantizer]
    return check(bytes(result.quantized_model), name)


def int8(content: bytes, examples: Batch, name: str) -> Callable[[Rule], bytes]:
    """Returns what gives a float flatbuffer in 8 bits with the ranges of a rule.

    Args:
        content: As for ``requantized``.
        examples: Model-ready training examples.
        name: The file's, for messages.

    Raises:
        CompressionError: As ``requantized`` does.
    """
    from trimtab.runtimes.litert import calibrated
    from trimtab.runtimes.litert.signature import KEY

    work = _begun(content, "int8", name)
    statistics = _tried(lambda: work.calibrate({KEY: list(one_by_one(examples))}), name)
    ends = {
        tensor: (float(np.min(entry["min"])), float(np.max(entry["max"])))
        for tensor, entry in statistics.items()
        if np.size(entry["min"]) == 1
    }
    values = cache(lambda: calibrated.values(content, ends, examples))

    def make(rule: Rule) -> bytes:
        ranges = dict(statistics)
        if rule != "min_max":
            for tensor, (low, high) in limits(rule, ends, values()).items():
                shape = np.shape(statistics[tensor]["min"])
                ranges[tensor] = {
                    **statistics[tensor],
                    "min": np.full(shape, low, np.float32),
                    "max": np.full(shape, high, np.float32),
                }
        result = _tried(
            lambda: _begun(content, "int8", name).quantize(ranges, enable_progress_report=False), name
        )
        return check_int8(bytes(result.quantized_model), name)

    return make


def _begun(content: bytes, quantizer: str, name: str) -> Any:
    """Returns AI Edge Quantizer's work on a file.

    Raises:
        CompressionError: If it is not installed, or if the file is quantized already.
    """
    if not is_installed():
        raise CompressionError(
            f"{quantizer} of a .tflite file takes {DISTRIBUTION}",
            field=name,
            hint=f"Install it: pip install 'trimtab[{EXTRA}]'",
        )
    from trimtab.runtimes.litert import flatbuffer
    from trimtab.runtimes.litert.signature import signed

    if flatbuffer.int8_operators(content):
        raise CompressionError("it computes in 8-bit integers already", field=name)

    def begin() -> Any:
        from ai_edge_quantizer import quantizer as edge

        return edge.Quantizer(signed(content, [INPUT], [OUTPUT]), _recipe(quantizer))

    return _tried(begin, name)


def _tried(work: Callable[[], Any], name: str) -> Any:
    with quiet():
        try:
            return work()
        # It raises whatever its assumptions break on.
        except Exception as error:
            raise CompressionError(reason(str(error)), field=name) from error


def _recipe(quantizer: str) -> Any:
    from ai_edge_quantizer import recipe
    from ai_edge_quantizer.qtyping import TensorDataType

    if quantizer == "dynamic_int8":
        return recipe.dynamic_wi8_afp32()
    if quantizer == "int8":
        return recipe.static_wi8_ai8()
    weights = {"num_bits": 16, "dtype": TensorDataType.FLOAT}
    config = {"weight_tensor_config": weights, "compute_precision": "FLOAT", "explicit_dequantize": True}
    return [{"regex": ".*", "operation": "*", "algorithm_key": "float_casting", "op_config": config}]
