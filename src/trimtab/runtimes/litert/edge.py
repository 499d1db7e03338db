"""Google's AI Edge Quantizer, which quantizes files: what it needs, and its rules.

Its rules ("recipes") are a list; for each operator, the last one that names it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any

from trimtab.errors import CompressionError
from trimtab.quiet import quiet
from trimtab.runtimes.litert.words import reason

EXTRA, DISTRIBUTION = "tflite", "ai-edge-quantizer"
LEAST_WEIGHTS = 1024
"""Smaller kernels stay in floats, as TensorFlow's converter leaves them."""

_ALL = "*"


def is_installed() -> bool:
    """Returns whether the quantizer is there."""
    try:
        metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return False
    return True


def check_installed(what: str, name: str) -> None:
    """Checks that the quantizer is there.

    Args:
        what: What needs it.
        name: The model's or the file's, for the message.

    Raises:
        CompressionError: If it is not.
    """
    if not is_installed():
        raise CompressionError(
            f"{what} takes {DISTRIBUTION}",
            field=name,
            hint=f"Install it: pip install 'trimtab[{EXTRA}]'",
        )


def tried(work: Callable[[], Any], name: str) -> Any:
    """Returns what the quantizer makes.

    Raises:
        CompressionError: If it cannot.
    """
    with quiet():
        try:
            return work()
        # It raises whatever its assumptions break on.
        except Exception as error:
            raise CompressionError(reason(str(error)), field=name) from error


def weights_only(content: bytes, rules: Sequence[Any], name: str) -> bytes:
    """Returns a flatbuffer with weights in fewer bits.

    Args:
        content: Of a float flatbuffer with a signature.
        rules: See ``rule``.
        name: The model's or the file's, for messages.

    Raises:
        CompressionError: If the quantizer cannot take it.
    """

    def work() -> bytes:
        from ai_edge_quantizer import quantizer

        begun = quantizer.Quantizer(content, list(rules))
        return bytes(begun.quantize(None, enable_progress_report=False).quantized_model)

    return bytes(tried(work, name))


def rule(
    bits: int,
    granularity: str = "CHANNELWISE",
    *,
    operation: str = _ALL,
    outputs: str = ".*",
    is_float: bool = False,
    least: int = LEAST_WEIGHTS,
) -> dict[str, Any]:
    """Returns a rule for weights.

    Args:
        bits: Of a weight.
        granularity: Which of them share a scale.
        operation: The kind of operator that it is for.
        outputs: A regular expression for the names of the operators' outputs.
        is_float: Whether operators compute in floats; else they quantize activations on the fly.
        least: Kernels of fewer weights stay in floats.
    """
    weights = {"num_bits": bits, "symmetric": True, "granularity": granularity, "dtype": "INT"}
    config = {
        "weight_tensor_config": weights,
        "compute_precision": "FLOAT" if is_float else "INTEGER",
        "explicit_dequantize": is_float,
        "min_weight_elements": least,
    }
    return {
        "regex": outputs,
        "operation": operation,
        "algorithm_key": "min_max_uniform_quantize",
        "op_config": config,
    }
