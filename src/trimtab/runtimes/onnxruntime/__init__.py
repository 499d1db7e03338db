"""ONNX Runtime: runs the format that most frameworks export to."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.runtimes.base import Quantizer
from trimtab.runtimes.forwarding import RuntimeOfExtra
from trimtab.runtimes.onnxruntime.params import QUANTIZERS


class OnnxRuntime(RuntimeOfExtra):
    """See ``base.Runtime``."""

    name = "onnxruntime"
    extra = "onnx"
    distributions = ("onnxruntime", "onnx", "tf2onnx")
    platform = "onnxruntime_onnx"
    files: tuple[str, ...] = ("model.onnx",)
    quantizers: Mapping[str, Quantizer] = QUANTIZERS
    reads: tuple[str, ...] = (".onnx",)
    requantizes = frozenset(QUANTIZERS)


RUNTIME = OnnxRuntime()
