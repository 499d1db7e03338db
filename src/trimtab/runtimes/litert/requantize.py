"""Flatbuffers of others, quantized as they are.

By Google's AI Edge Quantizer: TensorFlow's converter quantizes models, and never a file.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Any, cast

from trimtab.batch import INPUT, OUTPUT, Batch, rows, take
from trimtab.config.base import Section
from trimtab.errors import CompressionError
from trimtab.quiet import quiet
from trimtab.runtimes.litert.quantizations import check_dynamic_int8, check_float16, check_int8
from trimtab.runtimes.litert.words import reason
from trimtab.runtimes.quantizations import Int8

EXTRA, DISTRIBUTION = "tflite", "ai-edge-quantizer"


def is_installed() -> bool:
    """Returns whether the quantizer is there."""
    try:
        metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return False
    return True


def requantized(
    content: bytes, quantizer: str, params: Section, calibration: Callable[[int], Batch], name: str
) -> bytes:
    """Returns a float flatbuffer, quantized.

    Args:
        content: The content of a ``.tflite`` file that was adopted: it has one input and one output.
        quantizer: The name of the quantization, one other than ``none``.
        params: Its parameters.
        calibration: Returns that many training examples, model-ready.
        name: The file's, for messages.

    Raises:
        CompressionError: If the quantizer is not installed or cannot take the file, if the file is quantized
            already, or if nothing was quantized.
    """
    if not is_installed():
        raise CompressionError(
            f"{quantizer} of a .tflite file takes {DISTRIBUTION}",
            field=name,
            hint=f"Install it: pip install 'trimtab[{EXTRA}]'",
        )
    from trimtab.runtimes.litert import flatbuffer

    if flatbuffer.int8_operators(content):
        raise CompressionError("it computes in 8-bit integers already", field=name)
    examples = calibration(cast(Int8, params).calibration_examples) if quantizer == "int8" else None
    with quiet():
        try:
            made = _quantized(content, quantizer, examples)
        # It raises whatever its assumptions break on.
        except Exception as error:
            raise CompressionError(reason(str(error)), field=name) from error
    check = {"float16": check_float16, "dynamic_int8": check_dynamic_int8, "int8": check_int8}[quantizer]
    return check(made, name)


def _quantized(content: bytes, quantizer: str, examples: Batch | None) -> bytes:
    from ai_edge_quantizer import quantizer as edge

    from trimtab.runtimes.litert.signature import KEY, signed

    work = edge.Quantizer(signed(content, [INPUT], [OUTPUT]), _recipe(quantizer))
    found = None
    if examples is not None:
        found = work.calibrate({KEY: [take(examples, row, row + 1) for row in range(rows(examples))]})
    return bytes(work.quantize(found, enable_progress_report=False).quantized_model)


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
