"""OpenVINO: Intel's runtime, whose 8-bit kernels are fast on CPUs with VNNI or AMX."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.runtimes.base import Quantizer
from trimtab.runtimes.forwarding import RuntimeOfExtra
from trimtab.runtimes.openvino.params import QUANTIZERS


class OpenVINO(RuntimeOfExtra):
    """See ``base.Runtime``."""

    name = "openvino"
    extra = "openvino"
    distributions = ("openvino", "nncf")
    platform = "openvino_ir"
    files: tuple[str, ...] = ("model.xml", "model.bin")
    quantizers: Mapping[str, Quantizer] = QUANTIZERS
    reads: tuple[str, ...] = (".xml", ".onnx")
    requantizes = frozenset(QUANTIZERS)
    has_streams = True


RUNTIME = OpenVINO()
