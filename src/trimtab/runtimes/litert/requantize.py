"""Flatbuffers of others, quantized as they are.

By Google's AI Edge Quantizer: TensorFlow's converter quantizes models, and never a file.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numpy as np

from trimtab.batch import INPUT, OUTPUT, Batch
from trimtab.config.base import Section
from trimtab.errors import CompressionError
from trimtab.runtimes.litert import edge
from trimtab.runtimes.litert.params import LiteRTDynamicInt8, LiteRTInt4
from trimtab.runtimes.litert.quantizations import check_dynamic_int8, check_float16, check_int8
from trimtab.runtimes.ranges import Rule, limits
from trimtab.runtimes.ranges import examples as one_by_one

QUANTIZERS = frozenset({"none", "float16", "dynamic_int8", "int8", "int4"})
"""Its 16-bit activations are not among them: the file would take and give 16-bit integers, too."""


def requantized(content: bytes, quantizer: str, params: Section, name: str) -> bytes:
    """Returns a float flatbuffer, quantized without examples.

    Args:
        content: The content of a ``.tflite`` file that was adopted: it has one input and one output.
        quantizer: ``float16``, ``dynamic_int8`` or ``int4``.
        params: Its parameters.
        name: The file's, for messages.

    Raises:
        CompressionError: If the quantizer is not installed or cannot take the file, if the file is quantized
            already, or if nothing was quantized.
    """
    whole = _signed(content, quantizer, name)
    if quantizer == "int4":
        from trimtab.runtimes.litert.int4 import int4

        return int4(whole, cast(LiteRTInt4, params), name)
    if quantizer == "float16":
        return check_float16(edge.weights_only(whole, _FLOAT16, name), name)
    small = cast(LiteRTDynamicInt8, params).small_kernels
    made = edge.weights_only(whole, [edge.rule(8, least=0 if small else edge.LEAST_WEIGHTS)], name)
    return check_dynamic_int8(made, name)


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

    whole = _signed(content, "int8", name)

    def begun() -> Any:
        from ai_edge_quantizer import quantizer, recipe

        return quantizer.Quantizer(whole, recipe.static_wi8_ai8())

    examined = {KEY: list(one_by_one(examples))}
    statistics = edge.tried(lambda: begun().calibrate(examined), name)
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
        result = edge.tried(lambda: begun().quantize(ranges, enable_progress_report=False), name)
        return check_int8(bytes(result.quantized_model), name)

    return make


def _signed(content: bytes, quantizer: str, name: str) -> bytes:
    """Returns a file that can be quantized.

    Raises:
        CompressionError: If the quantizer is not installed, or if the file is quantized already.
    """
    from trimtab.runtimes.litert import flatbuffer
    from trimtab.runtimes.litert.signature import signed

    edge.check_installed(f"{quantizer} of a .tflite file", name)
    if flatbuffer.int8_operators(content):
        raise CompressionError("it computes in 8-bit integers already", field=name)
    return signed(content, [INPUT], [OUTPUT])


_FLOAT16 = [
    {
        "regex": ".*",
        "operation": "*",
        "algorithm_key": "float_casting",
        "op_config": {
            "weight_tensor_config": {"num_bits": 16, "dtype": "FLOAT"},
            "compute_precision": "FLOAT",
            "explicit_dequantize": True,
        },
    }
]
